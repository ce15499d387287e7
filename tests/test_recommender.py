from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import fullrank as fr
from fullrank import (
    DataError,
    FitError,
    Ids,
    Interactions,
    Recommender,
    SettingError,
)
from fullrank.evaluation import evaluate
from fullrank.serving import DotScorer

EVERY_PART = ("train", "validation", "test")
QUICK = {"dim": 8, "batch_size": 32, "epochs": 5}


@pytest.fixture(scope="module")
def model(small) -> Recommender:
    return Recommender(**QUICK).fit(small)


def best(frame: pl.DataFrame, user: object) -> list[object]:
    return frame.filter(pl.col("user_id") == user)["item_id"].to_list()


def of_tables(users, items, train) -> Recommender:
    """A recommender of given tables."""
    made = Recommender()
    made._scorer = DotScorer(torch.as_tensor(users).float(), torch.as_tensor(items).float())
    made._parts = {"train": train}
    return made


def masked_scores(model, *parts):
    scores = (model.user_embeddings @ model.item_embeddings.T).numpy()
    for part in parts:
        scores[part.csr().toarray() > 0] = -np.inf
    return scores


def test_lists_speak_raw_ids_and_leave_out_what_is_known(model, small):
    frame = model.recommend(["u5", "u3"], k=7, exclude=EVERY_PART)
    assert frame.columns == ["user_id", "item_id", "title", "score", "rank"]
    assert frame["user_id"].to_list() == ["u5"] * 7 + ["u3"] * 7
    assert frame["rank"].to_list() == [*range(1, 8)] * 2
    scores = masked_scores(model, small.train, small.validation, small.test)
    for user, row in (("u5", 5), ("u3", 3)):
        order = np.argsort(-scores[row], kind="stable")[:7]
        assert best(frame, user) == [f"i{item}" for item in order]
        theirs = frame.filter(pl.col("user_id") == user)["score"].to_numpy()
        np.testing.assert_allclose(theirs, scores[row][order], rtol=1e-5)


@pytest.mark.parametrize("parts", [(), ("validation",), ("validation", "test")])
def test_every_part_that_was_given_is_left_out_and_no_other(small, parts):
    given = {name: small.parts[name] if name in parts else None for name in ("validation", "test")}
    fitted = Recommender(**QUICK).fit(fr.Split("x", small.train, **given))
    scores = masked_scores(fitted, small.train, *(small.parts[name] for name in parts))
    frame = fitted.recommend(k=120, exclude=EVERY_PART)
    for row in (0, 7, 199):
        left = np.flatnonzero(np.isfinite(scores[row]))
        assert set(best(frame, f"u{row}")) == {f"i{item}" for item in left}
        theirs = frame.filter(pl.col("user_id") == f"u{row}")["score"].to_numpy()
        np.testing.assert_allclose(theirs, -np.sort(-scores[row][left]), rtol=1e-4, atol=1e-6)
    assert len(fitted.recommend(k=500, exclude_seen=False)) == 200 * 120


def test_recall_by_hand_from_recommend_is_that_of_evaluate(model, small):
    """By default, what is left out of the lists is what the figures mask."""
    lists, held = model.recommend(k=20), small.test.to_frame()
    for k in (10, 20):
        top = lists.filter(pl.col("rank") <= k)
        hits = held.join(top, on=["user_id", "item_id"], how="left")
        by_user = hits.group_by("user_id").agg(pl.col("rank").is_not_null().mean())
        result = model.evaluate(k=20 if k == 20 else (10, 20))
        assert by_user["rank"].mean() == pytest.approx(result[f"recall@{k}"], rel=1e-12)
        assert result[f"recall@{k}"] > 0
    served = model.recommend(k=20, exclude=EVERY_PART)
    assert held.join(served, on=["user_id", "item_id"], how="inner").is_empty()
    assert model.recommend("u5", exclude="train").equals(model.recommend("u5", exclude=["train"]))
    assert model.recommend("u5", exclude=()).equals(model.recommend("u5", exclude_seen=False))
    with pytest.raises(SettingError, match="exclude: found 'tset'; expected 'test'"):
        model.recommend("u5", exclude=["tset"])


@pytest.fixture
def late(small) -> Recommender:
    """Fitted without the pairs of user 3 and item 7, which are held out."""
    train = small.train
    gone = (train.user_idx == 3) | (train.item_idx == 7)
    split = fr.Split("late", train.select(~gone), None, train.select(gone))
    return Recommender(**QUICK).fit(split)


def test_untrained_items_are_recommended_to_nobody_unless_asked(late):
    assert "i7" not in set(late.recommend(k=120)["item_id"])
    assert "i7" in set(late.recommend(k=120, include_untrained=True)["item_id"])
    assert len(late.recommend("u1", allow=["i7"])) == 0
    assert "i7" not in set(late.similar_items(["i3"], k=120)["similar_item_id"])
    assert len(late.similar_items(["i7"])) == 0
    folded = late.fold_in({"new": ["i1", "i2"]})
    assert "i7" not in set(folded.recommend(k=120)["item_id"])


def test_untrained_and_unknown_users_get_the_popular_list(late, tmp_path):
    degree = late.train.item_degree
    wanted = [f"i{row}" for row in np.argsort(-degree, kind="stable")[:5]]
    frame = late.recommend(["u1", "u3", "nobody"], k=5, strict=False)
    assert frame["user_id"].to_list() == ["u1"] * 5 + ["u3"] * 5 + ["nobody"] * 5
    assert frame["source"].to_list() == ["model"] * 5 + ["popular"] * 10
    assert best(frame, "u3") == best(frame, "nobody") == wanted
    assert frame["score"][-5:].to_list() == np.sort(degree)[::-1][:5].tolist()
    assert "source" not in late.recommend(["u1"]).columns
    assert late.recommend("u1", source=True)["source"].unique().to_list() == ["model"]
    late.save(tmp_path / "m")
    again = Recommender.load(tmp_path / "m").recommend(["u1", "u3", "nobody"], k=5, strict=False)
    assert again.equals(frame)
    denied = late.recommend(["nobody"], k=5, strict=False, deny=[wanted[0], "unsold"])
    assert best(denied, "nobody")[:4] == wanted[1:]


def test_newcomers_without_a_known_item_get_the_popular_list(late, tmp_path):
    given = {"new": ["i1", "unheard"], "lost": ["unheard"], "empty": []}
    for wrong, name in ((given, "lost"), ({"new": ["i1"], "empty": []}, "empty")):
        with pytest.raises(DataError, match=f"user '{name}': found no item that the model knows"):
            late.fold_in(wrong)
    assert late.fold_in({"new": ["i0", "unheard"]}).train.item_idx.tolist() == [0]
    folded = late.fold_in(given, strict=False)
    frame = folded.recommend(["new", "lost", "empty"], k=4)
    assert frame["source"].to_list() == ["model"] * 4 + ["popular"] * 8
    assert best(frame, "lost") == best(late.recommend("u3", k=4), "u3")
    alone = late.fold_in({"new": ["i1"]}).recommend(k=4)
    assert best(frame, "new") == best(alone, "new")
    folded.save(tmp_path / "m")
    again = Recommender.load(tmp_path / "m")
    assert again.recommend(["new", "lost", "empty"], k=4).equals(frame)
    assert late.fold_in({"empty": []}, strict=False).recommend(k=4)["source"][0] == "popular"


def test_what_the_model_does_not_know_is_counted(model, small):
    """Of six users, two are unknown and have pairs, one is unknown and has none."""
    users = Ids(pl.Series(["u1", "u2", "u3", "stranger", "guest", "nobody"]))
    items = Ids(pl.Series(["i1", "i2", "unheard"]))
    test = Interactions.from_rows(users, items, [0, 1, 1, 2, 3, 3, 4], [0, 0, 2, 1, 0, 2, 1])
    block = model.evaluate(test).protocol
    assert block["unknown_pairs_left_out"] == 4
    assert block["unknown_users_left_out"] == 2
    assert block["test_pairs"] == 3


def test_unknown_ids_of_another_type_are_shown_as_text(checkerboard):
    frame = pl.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 6, 5]})
    model = Recommender("popularity").fit(frame)
    assert model.recommend([2, 9], strict=False)["user_id"].to_list() == [2, 9, 9]
    assert model.recommend([2, "x"], strict=False)["user_id"].to_list() == ["2", "x", "x"]


def test_all_users_by_default_in_their_order(model, small):
    frame = model.recommend(k=3)
    assert frame["user_id"][::3].to_list() == small.train.users.values.to_list()
    assert len(frame) == 600
    again = model.recommend(small.train.users.values.reverse(), k=3)
    assert again["user_id"][::3].to_list() == small.train.users.values.to_list()[::-1]
    assert best(again, "u9") == best(frame, "u9")


def test_titles_go_with_their_items(model, small):
    titles = dict(zip(small.train.items.values, small.train.items.titles, strict=True))
    frame = model.recommend(k=5)
    assert all(titles[item] == title for item, title in frame.select("item_id", "title").rows())
    near = model.similar_items(["i3"])
    assert all(titles[i] == title for i, title in near.select("similar_item_id", "title").rows())
    items = Ids(small.train.items.values)
    plain = of_tables(model.user_embeddings, model.item_embeddings, model.train)
    plain._parts = {"train": Interactions(model.users, items, *csr(model.train))}
    assert plain.recommend(["u1"]).columns == ["user_id", "item_id", "score", "rank"]


def csr(data):
    return data.indptr, data.item_idx


@pytest.mark.parametrize(
    "users",
    [
        ["u5", "u3"],
        ("u5", "u3"),
        (user for user in ("u5", "u3")),
        np.array(["u5", "u3"]),
        pl.Series(["u5", "u3"]),
        pd.Series(["u5", "u3"]),
        {"u5": 1, "u3": 2},
    ],
    ids=lambda users: type(users).__name__,
)
def test_users_in_any_collection(model, users):
    assert model.recommend(users, k=1)["user_id"].to_list() == ["u5", "u3"]


def test_one_id_or_none_or_the_same_twice(model):
    assert model.recommend("u5").equals(model.recommend(["u5"]))
    assert model.recommend(np.str_("u5")).equals(model.recommend(["u5"]))
    none = model.recommend([])
    assert (len(none), none.schema) == (0, model.recommend("u5").schema)
    twice = model.recommend(["u5", "u5"], k=2)
    assert twice["item_id"].to_list() == best(model.recommend(["u5"], k=2), "u5") * 2


def test_allowed_and_denied(model, small):
    own = small.train.items.raw(small.train.item_idx[small.train.user_idx == 5]).to_list()
    assert set(model.recommend("u5", k=120, exclude_seen=False)["item_id"]) >= set(own)
    assert not set(model.recommend("u5", k=120)["item_id"]) & set(own)
    ranked = model.recommend("u5", k=120)["item_id"].to_list()
    some = [ranked[9], ranked[4], *own]
    assert model.recommend("u5", allow=some)["item_id"].to_list() == [ranked[4], ranked[9]]
    with_seen = model.recommend("u5", allow=some, exclude_seen=False, k=120)["item_id"].to_list()
    assert set(with_seen) == set(some)
    assert model.recommend("u5", k=2, deny=[ranked[0]])["item_id"].to_list() == ranked[1:3]
    both = model.recommend("u5", allow=ranked[:3], deny=ranked[1:2])["item_id"].to_list()
    assert both == [ranked[0], ranked[2]]
    assert len(model.recommend("u5", allow=[])) == 0
    assert model.recommend("u5", allow=ranked[7])["item_id"].to_list() == [ranked[7]]
    assert model.recommend("u5", k=1, deny=ranked[0])["item_id"].to_list() == ranked[1:2]
    full = model.recommend("u5", k=120)
    assert model.recommend("u5", k=120, deny=["unsold"], strict=False).equals(full)
    few = model.recommend("u5", allow=["unsold", ranked[7]], strict=False, exclude_seen=False)
    assert few["item_id"].to_list() == [ranked[7]]


def test_lists_are_short_where_items_are_left_out(model, small):
    known = sum(part.user_degree for part in small.parts.values())
    frame = model.recommend(["u0", "u1"], k=1000, exclude=EVERY_PART)
    for row in (0, 1):
        ranks = frame.filter(pl.col("user_id") == f"u{row}")["rank"].to_list()
        assert ranks == list(range(1, 120 - known[row] + 1))


def test_what_is_unknown_is_named(model):
    with pytest.raises(DataError, match=r"user: found the unknown id 'zz' and 1 more.*fold_in"):
        model.recommend(["u1", "zz", "yy"])
    with pytest.raises(DataError, match="user: found the unknown id 'zz';"):
        model.recommend(np.array(["zz"]))
    with pytest.raises(DataError, match="user: found the unknown id 7;"):
        model.recommend(np.int64(7))
    with pytest.raises(DataError, match="denied items: found the unknown id 'nope'"):
        model.recommend(["u1"], deny=["nope"])
    with pytest.raises(DataError, match="allowed items: found the unknown id 'nope'"):
        model.recommend(["u1"], allow=["i1", "nope"])
    with pytest.raises(DataError, match="item: found the unknown id 'nope'"):
        model.similar_items(["nope"])


@pytest.mark.parametrize("k", [0, -1, 2.5, "7", None, True])
def test_k_is_a_whole_number(model, k):
    with pytest.raises(SettingError, match=r"k: found .*; expected a whole number, 1 or more"):
        model.recommend(["u1"], k=k)
    with pytest.raises(SettingError, match="k: found"):
        model.similar_items(["i1"], k=k)


def test_before_fit_there_is_one_line():
    empty = Recommender()
    for ask in (
        lambda: empty.recommend(["u1"]),
        lambda: empty.similar_items(["i1"]),
        lambda: empty.train,
        lambda: empty.user_embeddings,
        lambda: empty.spectrum(),
        lambda: empty.save("nowhere"),
    ):
        with pytest.raises(
            FitError, match=r"^Recommender is not fitted: call fit\(\) or load\(\) first$"
        ):
            ask()


def test_ids_stay_what_they_were():
    frame = pd.DataFrame({"user_id": ["007", "7", "08"] * 4, "item_id": [1, 2, 3, 40] * 3})
    model = Recommender(dim=2, batch_size=4, epochs=1).fit(frame)
    ranked = model.recommend(["007", "7"], k=2, exclude_seen=False)
    assert ranked["user_id"].to_list() == ["007", "007", "7", "7"]
    assert ranked["item_id"].dtype == pl.Int64
    assert model.recommend([7], k=1, exclude_seen=False)["user_id"].to_list() == ["7"]
    with pytest.raises(DataError, match="'8'"):
        model.recommend(["8"])
    assert model.similar_items([40], k=9)["similar_item_id"].sort().to_list() == [1, 2, 3]
    assert model.similar_items(40, k=9).equals(model.similar_items(["40"], k=9))
    assert model.recommend("7", allow=[40], exclude_seen=False)["item_id"].to_list() == [40]
    with pytest.raises(DataError, match="'040'"):
        model.similar_items(["040"])


def test_similar_items_are_those_of_the_smallest_angle(model):
    frame = model.similar_items(["i3", "i9"], k=4)
    assert frame.columns == ["item_id", "similar_item_id", "title", "score", "rank"]
    assert frame["item_id"].to_list() == ["i3"] * 4 + ["i9"] * 4
    table = model.item_embeddings.double()
    for row in (3, 9):
        cosine = torch.nn.functional.cosine_similarity(table[row], table)
        cosine[row] = -2
        wanted = cosine.topk(4)
        own = frame.filter(pl.col("item_id") == f"i{row}")
        assert own["similar_item_id"].to_list() == [f"i{item}" for item in wanted.indices.tolist()]
        np.testing.assert_allclose(own["score"].to_numpy(), wanted.values, rtol=1e-5)
    everything = model.similar_items(["i3"], k=1000)["similar_item_id"]
    assert len(everything) == 119
    assert "i3" not in everything


def test_an_item_is_not_similar_to_itself_even_among_duplicates(model):
    twins = of_tables(model.user_embeddings, torch.ones(120, 8), model.train)
    assert twins.similar_items(["i1"], k=3)["similar_item_id"].to_list() == ["i0", "i2", "i3"]
    assert len(twins.similar_items(["i1"], k=120)) == 119


def test_evaluate_is_the_evaluation_room(model, small):
    scorer = DotScorer(model.user_embeddings, model.item_embeddings)
    parts = {"train": small.train, "validation": small.validation}
    for options in (
        {},
        {"k": 5},
        {"protocol": "published"},
        {"k": (3, 7), "metrics": ("recall", "ndcg")},
    ):
        ours, direct = model.evaluate(**options), evaluate(scorer, small.test, **parts, **options)
        assert dict(ours) == dict(direct)
        assert direct.protocol.items() <= ours.protocol.items()
    assert dict(model.evaluate(small.test)) == dict(model.evaluate())


def test_an_evaluation_says_what_it_was_made_of(model, small):
    protocol = model.evaluate().protocol
    assert (protocol["method"], protocol["seed"]) == ("directspec+", 0)
    assert protocol["unknown_pairs_left_out"] == 0
    assert protocol["masked"] == ["train", "validation"]
    assert protocol["data"] == small.name
    assert protocol["fingerprints"] == {n: part.fingerprint for n, part in small.parts.items()}
    assert protocol["versions"]["torch"] == torch.__version__


def test_pairs_of_foreign_ids_are_counted_and_left_out(model, small):
    ours = model.evaluate()
    strange = pl.DataFrame({"user_id": ["new", "u1"], "item_id": ["i1", "unheard"]})
    frame = pl.concat([small.test.to_frame(), strange])
    for form in (frame, frame.to_pandas(), Interactions.from_frame(frame)):
        foreign = model.evaluate(form)
        assert foreign.protocol["unknown_pairs_left_out"] == 2
        assert dict(foreign) == dict(ours)
    with pytest.raises(DataError, match="2 pairs, none of a user and an item that the model know"):
        model.evaluate(pl.DataFrame({"user_id": [1, 2], "item_id": [3, 4]}))


def test_without_a_held_out_part_there_is_nothing_to_evaluate(small):
    alone = Recommender(**QUICK).fit(small.train)
    assert alone.test is None
    with pytest.raises(DataError, match="no held-out part"):
        alone.evaluate()
    assert 0 < alone.evaluate(small.test)["ndcg@20"] < 1


def test_the_test_part_is_not_looked_at(small):
    without = fr.Split("x", small.train, small.validation, None)
    a, b = (Recommender(**QUICK).fit(split) for split in (small, without))
    assert torch.equal(a.user_embeddings, b.user_embeddings)


def test_a_validation_part_chooses_the_epoch(small):
    # BPR without weight decay overfits these data by a tenth, on any machine's arithmetic.
    options = {**QUICK, "epochs": 28, "validate_every": 1, "patience": 28, "lr": 5.0}
    model = Recommender("bpr", **options).fit(small)
    training = model.training
    checks = [record["validation_ndcg@20"] for record in training["history"]]
    assert training["validation_ndcg@20"] == max(checks)
    assert training["best_epoch"] == 1 + int(np.argmax(checks))
    assert training["best_epoch"] < 28, "a run whose last epoch is best shows nothing"
    again = evaluate(
        DotScorer(model.user_embeddings, model.item_embeddings), small.validation, train=small.train
    )
    assert again["ndcg@20"] == max(checks)
    shorter = Recommender("bpr", **options | {"epochs": training["best_epoch"]}).fit(small.train)
    assert torch.equal(shorter.item_embeddings, model.item_embeddings)
    assert training["epochs"] == 28
    of_trained = fr.spectrum.effective_rank(*model._tables(), where=model._trained.rows)
    assert training["effective_rank"] == of_trained


def test_validation_must_share_its_ids(small):
    other = Interactions.from_frame(pl.DataFrame({"user_id": ["u1"], "item_id": ["i1"]}))
    with pytest.raises(FitError, match="parts of one split"):
        Recommender(**QUICK).fit(small.train, other)
    rows = small.validation.item_idx, small.validation.user_idx
    swapped = Interactions.from_rows(small.train.items, small.train.users, *rows)
    with pytest.raises(FitError, match="parts of one split"):
        Recommender(**QUICK).fit(small.train, swapped)


def test_a_validation_part_without_pairs_is_none(small):
    nothing = small.validation.select(np.arange(0))
    model = Recommender(**QUICK).fit(small.train, nothing)
    assert model.training["best_epoch"] is None


def test_fit_takes_interactions_splits_and_frames(small):
    frame = small.train.to_frame()
    fits = [Recommender(**QUICK).fit(data) for data in (frame, frame.to_pandas(), frame.to_arrow())]
    assert all(torch.equal(f.user_embeddings, fits[0].user_embeddings) for f in fits)
    with pytest.raises(FitError, match="no interactions"):
        Recommender(**QUICK).fit(small.train.select(np.arange(0)))
    with pytest.raises(DataError, match="found a int; expected a polars, pandas or pyarrow"):
        Recommender(**QUICK).fit(7)


def test_fit_takes_frames_with_other_names(small):
    frame = small.train.to_frame().rename({"user_id": "who", "item_id": "what"})
    columns = fr.Columns(user="who", item="what")
    model = Recommender(**QUICK).fit(frame, columns=columns)
    plain = Recommender(**QUICK).fit(small.train.to_frame())
    assert torch.equal(model.item_embeddings, plain.item_embeddings)
    with pytest.raises(SettingError, match="columns: found a Interactions; expected a data frame"):
        Recommender(**QUICK).fit(small.train, columns=columns)


def test_a_checkpoint_is_bound_to_settings_and_data(small, tmp_path):
    path = tmp_path / "c"
    Recommender(**QUICK).fit(small, checkpoint=path)
    for other, data, words in [
        (QUICK | {"lr": 3.0}, small, r"a run with lr = 10\.0; expected lr = 3\.0"),
        (QUICK | {"seed": 1}, small, "a run with seed = 0; expected seed = 1"),
        (QUICK, small.test, f"a run with train = {small.train.fingerprint}"),
        (QUICK, small.train, f"a run with validation = {small.validation.fingerprint}"),
    ]:
        with pytest.raises(FitError, match=words):
            Recommender(**other).fit(data, checkpoint=path, resume=True)
    with pytest.raises(FitError, match=r"a run with .* = "):
        Recommender("bpr", **QUICK).fit(small, checkpoint=path, resume=True)
    longer = QUICK | {"epochs": 10, "patience": 99, "checkpoint_every": 1}
    assert Recommender(**longer).fit(small, checkpoint=path, resume=True).training["epochs"] == 10


def test_resume_needs_a_checkpoint(small, tmp_path):
    with pytest.raises(SettingError, match="resume: found no checkpoint"):
        Recommender(**QUICK).fit(small, resume=True)
    with pytest.raises(DataError, match="no checkpoint"):
        Recommender(**QUICK).fit(small, checkpoint=tmp_path / "c", resume=True)


def test_threads_are_those_asked_for_while_fitting_and_given_back(tiny, monkeypatch):
    monkeypatch.setenv(fr.native.CORES, "2")
    seen = []

    class Look(fr.training.Silent):
        def steps(self, count):
            seen.append(torch.get_num_threads())

    before = torch.get_num_threads()
    for threads in (2, 9999):  # no more than there are cores
        Recommender("bpr", threads=threads, **QUICK).fit(tiny, reporter=Look())
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


def test_devices():
    automatic = "cuda" if torch.cuda.is_available() else "cpu"
    assert Recommender(device="auto").device == automatic
    assert Recommender(device="cpu").device == "cpu"


def test_the_spectrum_is_that_of_both_tables_stacked(model):
    stacked = torch.cat(
        [t[rows] for t, rows in zip(model._tables(), model._trained.rows, strict=True)]
    )
    assert model.spectrum().effective_rank == pytest.approx(fr.spectrum.effective_rank(stacked))


def test_tables_that_are_not_finite_are_not_ranked(model):
    broken = torch.full((120, 8), torch.nan)
    with pytest.raises(FitError, match="item table, row 0: found NaN or infinity"):
        of_tables(model.user_embeddings, broken, model.train)


def test_a_checkpoint_is_not_lost_without_a_word(small, tmp_path):
    path = tmp_path / "c.safetensors"
    options = {"dim": 8, "batch_size": 64, "epochs": 1}
    Recommender(**options).fit(small, checkpoint=path)
    kept = path.read_bytes()
    with pytest.raises(FitError, match="expected resume=True to go on from it, or a path"):
        Recommender(**options).fit(small, checkpoint=path)
    assert path.read_bytes() == kept
    Recommender(**options).fit(small, checkpoint=path, resume=True)
