"""``fullrank inspect`` as a user runs it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from command import COLUMNS, assert_refused, fullrank
from safetensors.torch import save_file

from fullrank import Recommender, read
from fullrank.data import Columns


@pytest.fixture
def table(tmp_path):
    """500 rows, of which three of six columns are nearly nothing."""
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    x[:, 3:] *= 1e-3
    np.save(tmp_path / "table.npy", x.numpy())
    return tmp_path / "table.npy"


def test_the_verdict_comes_first_and_the_report_is_short(table):
    lines = fullrank("inspect", table).out.splitlines()
    assert lines[0].startswith(
        "table.npy: Partly collapsed: the table uses 3.0 of its 6 dimensions"
    )
    assert len(lines) <= 12
    assert "isoscore" not in " ".join(lines).lower()
    every = fullrank("inspect", table, "--all").out
    for word in ("IsoScore", "stable rank", "α-ReQ", "Marchenko-Pastur", "Algorithm 1, 100 steps"):
        assert word in every


def test_everything_is_in_the_json(table):
    (found,) = fullrank("inspect", table, "--json").json["tables"]
    assert found["figures"].keys() == {"raw", "centred", "unit"}
    assert found["figures"]["raw"]["effective_rank"] == found["effective_rank"]
    low, high = found["effective_rank_intervals"]["raw"]
    assert low < found["effective_rank"] < high
    assert found["rows_without_interactions"] is None
    assert found["causes"]["dead_columns"] == []
    assert len(found["remedies"]) == 9


@pytest.mark.slow
def test_fail_below(table):
    passed = fullrank("inspect", table, "--fail-below", 0.5)
    assert (passed.code, passed.err) == (0, "")
    failed = fullrank("inspect", table, "--fail-below", 0.52)
    assert failed.code == 1
    assert failed.out == passed.out
    assert failed.err == f"{table}: uses 3.0 of 6 dimensions, 0.503 < 0.52\n"
    as_json = fullrank("inspect", table, "--fail-below", 0.52, "--json")
    assert as_json.code == 1
    assert as_json.json["tables"][0]["share_of_dimensions"] == pytest.approx(0.503, abs=1e-3)
    for wrong in (0, 1.5, -1, "nan"):
        assert_refused(fullrank("inspect", table, "--fail-below", wrong), "--fail-below")


def test_fail_below_is_of_the_worst_table(tmp_path):
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    both = {"a": x, "b": x * torch.tensor([1, 1, 1, 1, 1e-3, 1e-3]), "c": x.clone()}
    save_file(both, tmp_path / "t.safetensors")
    failed = fullrank("inspect", tmp_path / "t.safetensors", "--fail-below", 0.9)
    assert failed.code == 1
    assert failed.err.startswith(f"{tmp_path / 't.safetensors'}, b: uses 4.0 of 6 dimensions")
    assert len(failed.err.splitlines()) == 1


@pytest.mark.slow
def test_a_picture(table, tmp_path):
    pytest.importorskip("matplotlib")
    run = fullrank("inspect", table, "-o", tmp_path / "p.png", "--json")
    assert run.json["picture"] == str(tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert_refused(fullrank("inspect", table, "-o", tmp_path / "p.gif"), ".png")


@pytest.mark.slow
def test_a_model(model, events):
    run = fullrank("inspect", model, "--json")
    users, items, both = run.json["tables"]
    trained = Recommender.load(model).train
    assert users["rows"] == int((trained.user_degree > 0).sum())
    assert items["rows"] == int((trained.item_degree > 0).sum())
    assert both["rows"] == users["rows"] + items["rows"]
    assert both["all_rows"] == both["rows"] + both["rows_without_interactions"]
    assert items["causes"]["share_of_leading_direction"]["popularity"] is not None
    assert 0 <= run.json["angle_of_leading_directions"] <= 90
    harm = run.json["harm"]
    assert harm["part"] == "validation"
    assert [cut["directions"] for cut in harm["cuts"]] == [1, 2, 4]
    text = fullrank("inspect", model).out
    assert "degrees apart" in text
    assert "ndcg" not in text
    own = fullrank("inspect", model, "--data", events, *COLUMNS)
    assert own.code == 0, own.err
    assert f"on {events}" in " ".join(own.out.split())


def test_tables_of_a_data_set(model, events, tmp_path):
    """Rows of a file are matched with the interactions, by name and number."""
    source = Recommender.load(model)
    data = read(events, columns=Columns(user="Customer No", item="SKU"))
    users = torch.zeros(data.n_users, 8)
    items = torch.randn(data.n_items, 8, generator=torch.Generator().manual_seed(1))
    users[data.users.rows(source.users.values)] = source.user_embeddings
    save_file(
        {"users": users, "items": items, "tower": torch.ones(3, 9)}, tmp_path / "t.safetensors"
    )
    run = fullrank("inspect", tmp_path / "t.safetensors", "--data", events, *COLUMNS, "--json")
    assert [each["name"] for each in run.json["tables"]] == ["items", "users", "users and items"]
    assert run.json["tables"][1]["rows_without_interactions"] == 0
    assert run.json["harm"]["part"] == f"validation of {events.name}"
    assert "tower left out: 3 x 9" in run.err
    np.save(tmp_path / "t.npy", items[:-3].numpy())
    refused = fullrank("inspect", tmp_path / "t.npy", "--data", events, *COLUMNS)
    assert_refused(refused, "t.npy", f"{len(items) - 3} rows", f"{data.n_items} items")
    assert_refused(fullrank("inspect", tmp_path / "t.npy", "--data", tmp_path / "no.csv"), "no.csv")


def test_too_few_trained_rows_are_no_table(tmp_path):
    (tmp_path / "e.csv").write_text(
        "user_id,item_id\n" + "".join(f"{u},{u % 3}\n" for u in range(40))
    )
    x = np.random.default_rng(0).normal(size=(30, 8))
    np.savez(tmp_path / "t.npz", items=x)
    run = fullrank("inspect", tmp_path / "t.npz", "--data", tmp_path / "e.csv", "--json")
    assert run.json["tables"][0]["rows"] == 30
    assert run.json["tables"][0]["rows_without_interactions"] is None
    assert run.json["harm"] is None
    assert "3 rows with interactions are too few" in run.err


@pytest.mark.slow
def test_a_checkpoint_is_its_tables_and_neither_its_optimiser_nor_its_layers(tmp_path):
    class Towers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.user = torch.nn.Embedding(60, 8)
            self.item = torch.nn.Embedding(50, 8)
            self.user_tower = torch.nn.Linear(8, 12)

    torch.manual_seed(0)
    model = Towers()
    optimizer = torch.optim.Adam(model.parameters())
    rows = model.user(torch.arange(3)).sum() + model.item(torch.arange(3)).sum()
    (rows + model.user_tower.weight.sum()).backward()
    optimizer.step()
    path, pairs = tmp_path / "c.pt", tmp_path / "e.csv"
    state = {"model": model.state_dict(), "optimizers": [optimizer.state_dict()]}
    torch.save(state, path)
    run = fullrank("inspect", path, "--fail-below", 0.8, "--json")
    names = ["model.user.weight", "model.item.weight", "model.user_tower.weight"]
    assert [each["name"] for each in run.json["tables"]] == names
    assert run.code == 0, run.err
    lines = (f"{u},{(u + k) % 50}\n" for u in range(60) for k in range(5))
    pairs.write_text("user_id,item_id\n" + "".join(lines))
    run = fullrank("inspect", path, "--data", pairs, "--json")
    assert [each["name"] for each in run.json["tables"]] == [*names[:2], "users and items"]
    assert "model.user_tower.weight left out: 12 rows are no users or items" in run.err
    torch.save({"tower.weight": model.user_tower.weight}, path)
    assert_refused(fullrank("inspect", path, "--data", pairs), "12 rows")
    torch.save({"users": torch.randn(40, 8), "item": torch.randn(50, 8)}, path)
    assert_refused(fullrank("inspect", path, "--data", pairs), "users", "40 rows")


def test_a_balanced_table_after_a_collapsed_one_is_not_the_verdict(tmp_path):
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    lost = x * torch.tensor([1, 1, 1e-3, 1e-3, 1e-3, 1e-3])
    save_file({"a": lost, "b": x}, tmp_path / "t.safetensors")
    page = tmp_path / "p.html"
    run = fullrank("inspect", tmp_path / "t.safetensors", "--report", page)
    last = run.out.split("largest first:")[-1]
    assert "\na: Train with DirectSpecPlus" in last
    assert "Leave it" not in run.out
    assert '<p class="verdict">a: Collapsed: the table uses 2.0 of its 6' in page.read_text("utf-8")


@pytest.mark.slow
def test_users_and_items_together_are_the_verdict_of_a_model(model, tmp_path):
    page = tmp_path / "p.html"
    both = fullrank("inspect", model, "--json").json["tables"][-1]
    run = fullrank("inspect", model, "--report", page)
    assert f"users and items: {both['advice']}" in " ".join(run.out.split())
    shown = f'<p class="verdict">users and items: {both["verdict"]}</p>'
    assert shown in page.read_text("utf-8")
