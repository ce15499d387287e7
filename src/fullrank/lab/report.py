"""The files of an experiment: JSON, Markdown, PNG and SVG, and the page that joins them."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fullrank.data.files import as_data_errors, replacing
from fullrank.errors import DataError
from fullrank.lab.spec import Experiment, Finding, Table
from fullrank.pictures import Bar, Bars, Line, Panel, Point, write_chart

INDEX = "README.md"
TITLE = "# The paper, made again"
"""The first line of the page, by which one that somebody else wrote is told from it."""


def write_section(
    folder: Path, stem: str, experiment: Experiment, finding: Finding, about: Mapping[str, Any]
) -> None:
    """Writes ``stem`` with ``.json``, ``.md`` and, where there is something to draw, pictures.

    Args:
        folder: Where to.
        stem: ``figure-2-citeulike``.
        experiment: What was made.
        finding: What came out.
        about: Data, seeds, versions, settings and the like: see `fullrank.lab.reproduce`.
    """
    pictures = [folder / f"{stem}.png", folder / f"{stem}.svg"]
    panels = [plain(dataclasses.asdict(panel)) for panel in finding.panels]
    shown = [panel_of(each) for each in panels]  # the numbers of the JSON, as `redraw` has them
    drawn = write_chart(shown, finding.headline, about["below"], pictures)
    document = {
        "id": experiment.id,
        "title": experiment.title,
        "claim": experiment.claim,
        "source": experiment.source,
        "headline": finding.headline,
        **about,
        "numbers": finding.numbers,
        "paper": experiment.paper,
        "tables": [dataclasses.asdict(table) for table in finding.tables],
        "panels": panels,
        "remarks": list(finding.remarks),
    }
    with replacing(folder / f"{stem}.json") as part:
        text = json.dumps(plain(document), indent=1, allow_nan=False, ensure_ascii=False)
        part.write_text(compact(text) + "\n", encoding="utf-8")
    with replacing(folder / f"{stem}.md") as part:
        section = markdown(stem, experiment, finding, about, drawn=drawn)
        part.write_text(section, encoding="utf-8")


def markdown(
    stem: str, experiment: Experiment, finding: Finding, about: Mapping[str, Any], *, drawn: bool
) -> str:
    """The section: the finding, the picture, ours beside the paper's, and how it was made."""
    where = "" if experiment.across else f", {about['data_names'][0]}"
    name = experiment.id.replace("-", " ").capitalize()
    lines = [f"## {name}: {experiment.title}{where}", "", f"**{finding.headline}**", ""]
    lines += [f"The paper ({experiment.source}): {experiment.claim}", ""]
    if drawn:
        lines += [f"![{finding.headline}]({stem}.svg)", ""]
    for table in finding.tables:
        lines += [*([f"### {table.title}", ""] if table.title else []), *rows_of(table), ""]
    lines += [f"- {remark}" for remark in finding.remarks] + [""] * bool(finding.remarks)
    lines += [f"{about['below']}. Made by `{about['command']}`.", ""]
    return "\n".join(lines)


def redraw(folder: Path, ids: Sequence[str]) -> list[str]:
    """Draws the pictures of a folder anew from their JSON files, in the style of today.

    Args:
        folder: Of the sections; files that no id names are left alone.
        ids: Of experiments.

    Returns:
        The stems that were drawn.

    Raises:
        DataError: there is no such folder, or a file that an id names is none of ours.
    """
    if not folder.is_dir():
        raise DataError(str(folder), "no such folder", "one that fullrank reproduce wrote (-o)")
    drawn = []
    for path in sorted(folder.glob("*.json")):
        if _rank(path.stem, ids) == len(ids):
            continue
        try:
            document = json.loads(path.read_text("utf-8"))
            panels = [panel_of(each) for each in document["panels"]]
            words = document["headline"], document["below"]
        except (ValueError, TypeError, KeyError):
            found = "a file that fullrank reproduce did not write"
            raise DataError(str(path), found, "the numbers of its pictures") from None
        pictures = [path.with_suffix(".png"), path.with_suffix(".svg")]
        if panels and write_chart(panels, *words, pictures):
            drawn.append(path.stem)
    return drawn


def panel_of(stored: Mapping[str, Any]) -> Panel | Bars:
    """The panel that was stored as JSON."""
    if "bars" in stored:
        return Bars(**{**stored, "bars": [Bar(**each) for each in stored["bars"]]})
    lines = [Line(**each) for each in stored["lines"]]
    return Panel(
        **{**stored, "lines": lines, "points": [Point(**each) for each in stored["points"]]}
    )


def rows_of(table: Table) -> list[str]:
    """A Markdown table, numbers to the right."""
    numeric = [
        any(isinstance(row[at], int | float) for row in table.rows)
        for at in range(len(table.columns))
    ]
    lines = [f"| {' | '.join(table.columns)} |"]
    lines.append(f"| {' | '.join('---:' if each else '---' for each in numeric)} |")
    lines += [f"| {' | '.join(cell(each, table.form) for each in row)} |" for row in table.rows]
    return lines


def cell(value: str | float | None, form: str) -> str:
    """A value as it is read."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return form.format(value)


def check_index(folder: Path) -> None:
    """Sees, before long work, that the page would take the place of no other one.

    Raises:
        DataError: the folder has a page of its own, as that of a project has.
    """
    page = folder / INDEX
    if not page.exists():
        return
    with as_data_errors(page):
        begin = page.read_bytes()[: len(TITLE.encode())]
    if begin != TITLE.encode():
        expected = "a folder for what is made (-o), without a page of its own"
        raise DataError(str(page), "a page that fullrank reproduce did not write", expected)


def write_index(folder: Path, order: Sequence[str]) -> Path:
    """Joins all sections of a folder into one page, in the order of the paper.

    A section is a page named by an id, with its numbers beside it; other pages are left alone.

    Args:
        folder: Of the sections.
        order: Ids.
    """
    stems = sorted(
        (
            path.stem
            for path in folder.glob("*.md")
            if path.with_suffix(".json").is_file() and _rank(path.stem, order) < len(order)
        ),
        key=lambda stem: (_rank(stem, order), stem),
    )
    parts = [TITLE, ""]
    parts += [
        "Ours beside what the paper prints (Peng et al., Balancing Embedding Spectrum for",
        "Recommendation); written by `fullrank reproduce`, with the numbers in the JSON files.",
        "",
    ]
    parts += [(folder / f"{stem}.md").read_text("utf-8") for stem in stems]
    with replacing(folder / INDEX) as part:
        part.write_text("\n".join(parts), encoding="utf-8")
    return folder / INDEX


def _rank(stem: str, order: Sequence[str]) -> int:
    known = [at for at, each in enumerate(order) if stem == each or stem.startswith(f"{each}-")]
    return max(known, key=lambda at: len(order[at]), default=len(order))


def plain(value: Any) -> Any:
    """Plain values for strict JSON: NumPy's are Python's, what is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


def compact(text: str) -> str:
    """Indented JSON with every list of plain values on one line."""
    return re.sub(
        r"\[[^\[\]{}]*\]",
        lambda found: (
            re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]")
            if '"' not in found[0]
            else found[0]
        ),
        text,
    )
