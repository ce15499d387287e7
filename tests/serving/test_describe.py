from __future__ import annotations

from fullrank import Recommender


def test_before_fitting():
    assert repr(Recommender("bpr")) == "Recommender(bpr; not fitted)"


def test_method_data_engine_and_figures(small):
    model = Recommender("bpr", dim=8, batch_size=64, epochs=4, validate_every=2).fit(small)
    line = repr(model)
    engine = model.training["engine"]["name"]
    assert line.startswith(f"Recommender(bpr; data {small.name}, 200 users × 120 items; engine ")
    assert f"; engine {engine}; epochs 4, best " in line
    assert f"; effective rank {model.training['effective_rank']:.1f}" in line
    assert f"; validation ndcg@20 {model.training['validation_ndcg@20']:.4f}" in line
    assert "ndcg@10" not in line
    model.metrics = {"metrics": {"ndcg@10": 0.25, "ndcg@20": 0.5, "recall@20": 0.125}}
    assert repr(model).endswith("; ndcg@10 0.2500; recall@20 0.1250)")


def test_in_a_notebook(small):
    model = Recommender("popularity").fit(small.train)
    model.data_name = "<b>films</b>"
    html = model._repr_html_()
    assert "<td style='text-align:left'>&lt;b&gt;films&lt;/b&gt;, 200 users × 120 items" in html
    assert html.count("<tr>") == repr(model).count(";") + 1
    assert "closed form" in html


def test_of_guests(small):
    model = Recommender("popularity").fit(small.train)
    guests = model.fold_in({"a": ["i3"], "b": ["i4"]})
    assert "; folded in 2 users" in repr(guests)
