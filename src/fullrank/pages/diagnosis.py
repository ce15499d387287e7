"""The page of ``inspect``: how many dimensions tables use, why, what it costs, what would help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fullrank.diagnosis.harm import Harm
from fullrank.diagnosis.remedies import LEAVE, NOT_BETTER
from fullrank.diagnosis.report import Diagnosis, foremost
from fullrank.pages import records
from fullrank.pages.charts import bar_chart, line_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.pages.model import foot
from fullrank.pages.render import percent, write_page
from fullrank.pages.scales import brief, shown
from fullrank.pages.space import values_chart
from fullrank.serving.model_files import versions

FIGURES = {
    "effective_rank": "effective rank, of σ",
    "effective_rank_of_squares": "effective rank, of σ²",
    "participation_ratio": "participation ratio",
    "stable_rank": "stable rank",
    "information_abundance": "information abundance",
    "alpha_req": "α-ReQ exponent",
    "alpha_req_r2": "R² of that fit",
    "isoscore": "IsoScore",
    "noise_edge": "Marchenko-Pastur edge, σ",
    "above_noise": "directions above it",
}
OF_PAIRS = {
    "mean_cosine": "mean cosine",
    "mean_squared_cosine": "mean squared cosine",
    "uniformity": "uniformity",
}


def write_diagnosis(
    name: str,
    found: Sequence[Diagnosis],
    path: Path,
    *,
    angle: float | None = None,
    harm: Harm | None = None,
    command: str = "",
) -> None:
    """Writes the page of a diagnosis.

    Args:
        name: Of the file or model.
        found: Of each table; the last speaks for all.
        path: The HTML file.
        angle: Degrees between the leading directions of users and items.
        harm: What the leading directions do to lists.
        command: What made it.

    Raises:
        DataError: the file cannot be written.
    """
    values = values_of(name, found, angle, harm) | {"command": command}
    write_page(path, "diagnosis.html", values)


def values_of(
    name: str, found: Sequence[Diagnosis], angle: float | None = None, harm: Harm | None = None
) -> dict[str, Any]:
    """What the template of the page is filled with."""
    first = foremost(found)
    verdict = first.spectrum.verdict
    tables = [
        {
            "id": f"table-{at}",
            "name": each.name,
            "verdict": each.spectrum.verdict,
            "facts": facts(each),
            "charts": [spectrum_chart(each), remedies_chart(each)],
            "figures": figures(each),
        }
        for at, each in enumerate(found, start=1)
    ]
    sections = [(each["id"], each["name"]) for each in tables]
    return {
        "kind": "Diagnosis of embeddings",
        "title": records.text(name, 200),
        "sections": [*sections, ("harm", "What it costs"), ("made", "How it was made")],
        "verdict": f"{first.name}: {verdict}" if len(found) > 1 else verdict,
        "advice": first.advice + ("" if first.advice == LEAVE else f" {NOT_BETTER}"),
        "tiles": tiles(first),
        "tables": tables,
        "angle": None if angle is None else f"{angle:.0f}",
        "harm": None if harm is None else harm_of(harm),
        "versions": records.listed(versions()),
        "foot": foot(None),
    }


def tiles(found: Diagnosis) -> list[dict[str, str]]:
    """The figures at the top of the page."""
    spectrum, causes = found.spectrum, found.causes
    ends = found.intervals["raw"]
    between = "" if ends is None else f"; 95 % {ends[0]:.1f} to {ends[1]:.1f}"
    return [
        {
            "value": f"{spectrum.effective_rank:.1f}",
            "name": f"of {spectrum.shape[1]} dimensions in use",
            "note": f"effective rank{between}",
        },
        {
            "value": percent(spectrum.share),
            "name": "of a random table's",
            "note": f"which has {spectrum.random_effective_rank:.1f}",
        },
        {
            "value": f"{spectrum.dimensions_for_90_percent}",
            "name": "directions hold 90 %",
            "note": "of the squared length of all rows",
        },
        {
            "value": percent(causes.mean),
            "name": "of the leading direction",
            "note": "is the mean row",
        },
    ]


def facts(found: Diagnosis) -> list[tuple[str, str]]:
    """Size, causes and rows amiss."""
    causes = found.causes
    kind = "rows" if found.without is None else "rows with interactions"
    listed = [(kind, f"{found.spectrum.shape[0]:,}"), ("columns", f"{found.spectrum.shape[1]:,}")]
    if found.without:
        listed.append(("rows without interactions", f"{found.without:,}"))
        listed.append(
            ("effective rank of all rows", f"{found.spectrum.effective_rank_all_rows:.1f}")
        )
    listed.append(("leading direction: mean row", percent(causes.mean)))
    if causes.popularity is not None:
        listed.append(("with log popularity", percent(causes.popularity)))
    listed.append(("with row norm", percent(causes.norm)))
    listed += [
        ("dead columns", f"{len(causes.dead_columns):,}"),
        ("zero rows", f"{causes.zero_rows:,}"),
        ("duplicate rows", f"{causes.duplicate_rows:,}"),
    ]
    return listed


def spectrum_chart(found: Diagnosis) -> Chart:
    """Singular values beside those of a random table and an even one."""
    spectrum = found.spectrum
    largest = max(spectrum.singular_values.mean().item(), 1e-300)
    edge = found.figures["raw"].noise_edge / largest
    return values_chart(
        f"{spectrum.effective_rank:.1f} of {spectrum.shape[1]} directions are in use",
        spectrum,
        {"this table": (spectrum.singular_values, "main")},
        level=(edge, "noise") if math.isfinite(edge) and edge > 0 else None,
        note=(
            "An even table is the flat line, a random one falls a little. Noise of the level of "
            "the median value would end at the dotted line."
        ),
    )


def remedies_chart(found: Diagnosis) -> Chart:
    """Effective rank now, and as predicted after each remedy."""
    bars = [("as it is", found.spectrum.effective_rank)]
    bars += [
        (each.name, each.effective_rank)
        for each in found.remedies
        if each.effective_rank is not None
    ]
    bars.append(("a random table", found.spectrum.random_effective_rank))
    return bar_chart(
        "Effective rank, and what would change it",
        [name for name, _ in bars],
        [Series("effective rank", [value for _, value in bars], "main", write=brief)],
        unit="effective rank",
        first="remedy",
        strong=0,
        most=float(found.spectrum.shape[1]),
        note="Predicted from the singular values alone.",
    )


def figures(found: Diagnosis) -> tuple[list[str], list[list[str]]]:
    """Head and rows: each figure, of rows in each form."""
    forms = list(found.figures)
    plain = {form: each.to_dict() for form, each in found.figures.items()}
    pairs = {form: each.to_dict() for form, each in found.pairs.items()}
    pairs["unit"] = pairs["raw"]  # they are of directions
    rows = [
        [label, *(shown(plain[form][name]) for form in forms)] for name, label in FIGURES.items()
    ]
    rows += [
        [label, *(shown(pairs[form][name]) for form in forms)] for name, label in OF_PAIRS.items()
    ]
    return ["figure", *(f"{form} rows" for form in forms)], rows


def harm_of(harm: Harm) -> dict[str, Any]:
    """What the leading directions do to lists: a chart and a table."""
    name = harm.metric
    cuts = harm.cuts
    series = [
        Series("top m alone", [cut.kept[name] for cut in cuts], "main"),
        Series("top m removed", [cut.removed[name] for cut in cuts], "second"),
        Series("all directions", [harm.whole[name]] * len(cuts), "soft"),
    ]
    chart = line_chart(
        f"{name} with the strongest directions alone, and without them",
        [float(cut.directions) for cut in cuts],
        series,
        x_label="m, directions",
        y_label=name,
        log_x=True,
        zero=True,
        key=True,
    )
    names = list(harm.whole)
    head = ["m", *(f"{each} {what}" for what in ("alone", "removed") for each in names)]
    rows = [
        [str(cut.directions), *(shown(cut.kept[each]) for each in names)]
        + [shown(cut.removed[each]) for each in names]
        for cut in cuts
    ]
    whole = ", ".join(f"{each} {shown(value)}" for each, value in harm.whole.items())
    said = f"{harm.part}, {harm.users:,} users, ranked by inner products. All directions: {whole}."
    return {"sentence": harm.sentence(), "chart": chart, "head": head, "rows": rows, "said": said}
