"""``fullrank inspect MODEL --data``: lists find what they do in ``evaluate``, and no test part."""

from __future__ import annotations

import polars as pl
import pytest
from command import COLUMNS, QUICK, fullrank

from fullrank import Recommender


def test_lists_find_in_a_file_what_evaluate_finds(model, events, tmp_path):
    rows = pl.read_csv(events, schema_overrides={"Customer No": pl.Utf8})
    held_out = Recommender.load(model)._parts["test"].to_frame()
    asked = rows.filter(
        pl.struct(user_id="Customer No", item_id="SKU").is_in(
            held_out.select("user_id", "item_id").to_struct().implode()
        )
    )
    asked.write_csv(tmp_path / "asked.csv")
    evaluated = fullrank("evaluate", model, tmp_path / "asked.csv", *COLUMNS, "--json")
    assert evaluated.json["protocol"]["masked"] == ["train", "validation"]
    run = fullrank("inspect", model, "--data", tmp_path / "asked.csv", *COLUMNS, "--json")
    harm = run.json["harm"]
    assert harm["users"] == evaluated.json["protocol"]["users_evaluated"]
    for name, value in harm["whole"].items():
        assert value == pytest.approx(evaluated.json["metrics"][name], abs=1e-3)


@pytest.mark.slow
def test_the_test_part_of_a_data_set_is_not_looked_at(tmp_path, monkeypatch):
    model = tmp_path / "model"
    assert fullrank("fit", "demo", "-o", model, *QUICK, "--no-report").code == 0
    own = fullrank("inspect", model, "--json").json["harm"]
    from fullrank.evaluation import evaluate

    seen = []

    def watched(scorer, test, **options):
        seen.append(test.fingerprint)
        return evaluate(scorer, test, **options)

    monkeypatch.setattr("fullrank.diagnosis.harm.evaluate", watched)
    found = fullrank("inspect", model, "--data", "demo", "--json").json["harm"]
    assert found["part"] == "validation of demo"
    assert found["whole"] == own["whole"]
    parts = Recommender.load(model)._parts
    assert set(seen) == {parts["validation"].fingerprint} != {parts["test"].fingerprint}
