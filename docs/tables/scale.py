"""Several workers: results/scale.json, scale_kills.json and scale_network.json."""

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
            preset = found.get("preset")
            how = code(run["method"]) + (f", {code(preset)}" if preset else "")
            line = [found["data"], how, str(run["workers"]), balancing]
            line += [str(run["epochs"]), metric(run["ndcg@20"]), metric(run["recall@20"])]
            line += [rank(run["effective_rank"]), digits(run["seconds"]), share or "–"]
            line += [f"{run['load']:.0f}"]
            body.append(line)
    heads = ["data", "method", "workers", "balance", "epochs", "nDCG@20", "recall@20"]
    heads += ["effective rank", "s of training", "in collectives", "load"]
    return table(heads, body, text=(0, 1, 3))


def kills() -> str:
    """What came of fits whose workers were killed."""
    body = []
    for found in load("scale_kills").values():
        same = "yes" if found["same_bits"] else "no"
        line = [code(found["method"]), str(found["epochs"]), str(found["kills"]), same]
        line += [digits(found["seconds"]), digits(found["seconds_quiet"])]
        body.append(line)
    heads = ["method", "epochs", "workers killed", "the same bits"]
    heads += ["s with kills", "s without"]
    return table(heads, body, text=(0, 3))


KINDS = ("all_to_all", "all_gather", "reduce_scatter", "all_reduce")


def network() -> str:
    """Throughput on small machines, shares of time, and what the model predicted."""
    found, body = load("scale_network"), []
    for run in found["runs"]:
        shares = [run["shares"].get(kind) for kind in KINDS]
        line = [str(run["workers"]), f"{run['pairs_per_second']:,.0f}"]
        line += ["–" if share is None else f"{100 * share:.0f} %" for share in shares]
        times = (1000 * run["seconds_a_step"], 1000 * run["predicted"])
        body.append([*line, *map(digits, times), f"{100 * run['error']:+.0f} %"])
    heads = ["workers", "pairs/s", *(f"in {code(kind)}" for kind in KINDS)]
    heads += ["ms a step", "predicted", "error"]
    load_line = f"load before: {found['load_before']:.0f}, on {found['cores']:.0f} cores"
    return table(heads, body, text=()) + f"\n\n{load_line}"
