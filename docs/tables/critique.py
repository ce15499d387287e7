"""How the paper's evaluation differs, and what it leaves out: the chapters of docs/claims.md."""

from __future__ import annotations

from typing import Any

from tables.accuracy import PAPER
from tables.markdown import NONE, code, load, metric, table

PAPER_GOWALLA = {
    "lightgcn": {"ndcg@20": 0.1098, "recall@20": 0.1399},
    "ccl": {"ndcg@20": 0.1349, "recall@20": 0.1573},
}
"""Table IV."""
OURS_GOWALLA = {"DirectSpec+(MF)": 0.1509, "DirectSpec+(GCN)": 0.1513}
"""nDCG@20 of the paper's methods there, Table IV."""
SHOWN = (("published", "ndcg@10"), ("standard", "ndcg@10"), ("published", "recall@10"),
         ("standard", "recall@10"), ("standard", "ndcg@20"))  # fmt: skip


def _places(rows: dict[str, Any], protocol: str, name: str) -> list[str]:
    return sorted(rows, key=lambda label: -rows[label][protocol][name])


def protocols() -> str:
    """The figures of both protocols on CiteULike, with the place of each method."""
    rows = load("table4")
    orders = {each: _places(rows, *each) for each in SHOWN}
    columns = ["method", *(f"{code(protocol)} {name}" for protocol, name in SHOWN)]
    body = []
    for label in orders["standard", "ndcg@10"]:
        cells = [f"{metric(rows[label][each[0]][each[1]])} ({orders[each].index(label) + 1})"
                 for each in SHOWN]  # fmt: skip
        body.append([code(label), *cells])
    return table(columns, body)


def reordered() -> str:
    """How many pairs of methods change places from one protocol to the other."""
    rows = load("table4")
    lines = []
    for name in ("ndcg@10", "recall@10", "recall@20"):
        swapped = _swapped(rows, name)
        ratios = [row["published"][name] / row["standard"][name] for row in rows.values()]
        named = ", ".join(f"{code(a)} and {code(b)}" for a, b in swapped[:4])
        lines.append([
            name,
            f"{100 * (min(ratios) - 1):+.1f} to {100 * (max(ratios) - 1):+.1f} %",
            f"{len(swapped)} of {len(rows) * (len(rows) - 1) // 2}",
            (named or NONE) + (", …" if len(swapped) > 4 else ""),
        ])  # fmt: skip
    heads = ["figure", "`published` over `standard`", "pairs that change places", "which"]
    return table(heads, lines, text=(0, 3))


def _swapped(rows: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """Pairs, first the better one by the standard protocol."""
    labels = _places(rows, "standard", name)
    theirs = {label: rows[label]["published"][name] for label in labels}
    return [(a, b) for at, a in enumerate(labels) for b in labels[at + 1 :]
            if theirs[a] < theirs[b]]  # fmt: skip


def under_tuned() -> str:
    """Baselines that reach more here than in the paper, by protocol published."""
    body = []
    for label, row in load("table4").items():
        if row["paper"] and not label.startswith("directspec"):
            ours, printed = row["published"]["ndcg@10"], row["paper"][PAPER.index("ndcg@10")]
            body.append((ours / printed, ["CiteULike", code(label), "nDCG@10", metric(printed),
                                          metric(ours), NONE]))  # fmt: skip
    for label, run in load("gowalla").items():
        printed = PAPER_GOWALLA[label]["ndcg@20"]
        ours, public = run["test"]["ndcg@20"], run["test"]["public"].get("ndcg@20")
        body.append((ours / printed, ["Gowalla", code(label), "nDCG@20", metric(printed),
                                      metric(ours), metric(public)]))  # fmt: skip
    body.sort(key=lambda each: -each[0])
    heads = ["data", "baseline", "figure", "paper", "tuned here", "published elsewhere", "gain"]
    return table(
        heads,
        ([*row, f"{100 * (gain - 1):+.1f} %"] for gain, row in body),
        text=(0, 1, 2),
    )


def not_compared() -> str:
    """Methods that the paper leaves out, beside its own best figure."""
    rows = load("table4")
    plus = max(row["paper"][PAPER.index("ndcg@20")] for label, row in rows.items()
               if row["paper"] and label.startswith("directspec+"))  # fmt: skip
    body = [["CiteULike", "DirectSpec+, the paper's", metric(plus), "Table IV"]]
    body += [["CiteULike", code(label), metric(row["standard"]["ndcg@20"]), "here"]
             for label, row in _left_out(rows)]  # fmt: skip
    name, value = max(OURS_GOWALLA.items(), key=lambda each: each[1])
    body.append(["Gowalla", f"{name}, the paper's", metric(value), "Table IV"])
    known = [
        (code(label.split(":")[0]), run["ndcg@20"], f"here; {run['source'].split(', table')[0]}")
        for label, run in load("references").items()
        if label.endswith(":gowalla")
    ]
    known += [(label, run["ndcg@20"], _cited(run["source"]))
              for label, run in load("public")["gowalla"].items()]  # fmt: skip
    body += [["Gowalla", label, metric(each), where]
             for label, each, where in sorted(known, key=lambda row: -row[1])]  # fmt: skip
    return table(["data", "method", "nDCG@20", "from"], body, text=(0, 1, 3))


def _left_out(rows: dict[str, Any]) -> list[tuple[str, Any]]:
    """Those without a row in Table IV, but for popularity and for ours of another setting."""
    found = [(label, row) for label, row in rows.items()
             if row["paper"] is None and label not in ("popularity", "dropedge")]  # fmt: skip
    return sorted(found, key=lambda each: -each[1]["standard"]["ndcg@20"])


def _cited(source: str) -> str:
    """Authors and venue of a source that has the title between them."""
    return f"{source.split(',')[0]}, {source.rsplit(', ', 1)[1]}"
