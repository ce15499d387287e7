"""Several workers: results/scale.json and results/scale_kills.json."""

from __future__ import annotations

from tables.markdown import code, digits, load, metric, rank, table


def scale() -> str:
    """Accuracy, effective rank and time by workers."""
    body = []
    for found in load("scale").values():
        for run in found["runs"]:
            waited = sum(run["collectives"].values()) if run["collectives"] else None
            share = None if waited is None else f"{100 * waited / run['seconds']:.0f} %"
            balancing = "–" if run["workers"] == 1 else run["balancing"]
            line = [found["data"], code(run["method"]), str(run["workers"]), balancing]
            line += [str(run["epochs"]), metric(run["ndcg@20"]), metric(run["recall@20"])]
            line += [rank(run["effective_rank"]), digits(run["seconds"]), share or "–"]
            body.append(line)
    heads = ["data", "method", "workers", "balance", "epochs", "nDCG@20", "recall@20"]
    heads += ["effective rank", "s of training", "in collectives"]
    return table(heads, body, text=(0, 1, 3))


def kills() -> str:
    """What came of fits whose workers were killed."""
    body = []
    for found in load("scale_kills").values():
        same = "yes" if found["same_bits"] else "no"
        early = sum(moment == "starting" for moment in found["moments"])
        line = [code(found["method"]), str(found["epochs"]), str(found["kills"]), str(early)]
        line += [same, digits(found["seconds"]), digits(found["seconds_quiet"])]
        body.append(line)
    heads = ["method", "epochs", "workers killed", "of which before training", "the same bits"]
    heads += ["s with kills", "s without"]
    return table(heads, body, text=(0, 4))
