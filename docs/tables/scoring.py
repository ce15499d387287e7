"""Lists for everybody: one process against workers."""

from __future__ import annotations

from tables.markdown import duration, load, table


def scoring() -> str:
    """A million users by one process and by workers."""
    found = load("scoring")
    plain = found["runs"][0]
    rows = []
    for run in found["runs"]:
        workers = run["workers"]
        same = "–" if not workers else ("yes" if run["sha256"] == plain["sha256"] else "**no**")
        rows.append(
            [
                f"{workers} worker{'s' if workers > 1 else ''}" if workers else "one file",
                f"{run['rows']:,}",
                duration(run["seconds"]),
                f"{found['users'] / run['seconds']:,.0f}",
                f"{(run['load_before'] + run['load_after']) / 2:.0f}",
                same,
            ]
        )
    return (
        table(["", "rows", "time", "users a second", "load", "same bits"], rows)
        + f"\n\n{found['users']:,} users, {found['items']:,} items, d = {found['dim']}, "
        f"k = {found['k']}; {found['cores']} cores, `nice` {found['nice']}."
    )
