"""The diagnosis of a table as text: a few lines, or every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from fullrank.cli.output import say, show_table, shown

if TYPE_CHECKING:
    from fullrank.diagnosis import Diagnosis
    from fullrank.diagnosis.harm import Harm
    from fullrank.spectrum import Spectrum

BARS = "▁▂▃▄▅▆▇█"
LABELS = {
    "effective_rank": "effective rank (of σ)",
    "effective_rank_of_squares": "effective rank of σ²",
    "participation_ratio": "participation ratio",
    "stable_rank": "stable rank",
    "information_abundance": "information abundance",
    "alpha_req": "α-ReQ exponent",
    "alpha_req_r2": "  R² of its fit",
    "isoscore": "IsoScore",
    "noise_edge": "Marchenko-Pastur edge, σ",
    "above_noise": "  directions above it",
}
OF_PAIRS = {
    "mean_cosine": "mean cosine",
    "mean_squared_cosine": "mean squared cosine",
    "uniformity": "uniformity",
}


def show(found: Diagnosis, everything: bool) -> None:
    """Prints the verdict, what stands behind it and what to do; every figure if asked."""
    spectrum = found.spectrum
    say(f"{found.name}: {spectrum.verdict}")
    say(_size(found), indent=2)
    say(_causes(found), indent=2)
    typer.echo(f"  singular values, largest first: {_sparkline(spectrum)}")
    if everything:
        say(found.advice, indent=2)
        _show_figures(found)
        _show_rows(found)
        _show_remedies(found)


def _size(found: Diagnosis) -> str:
    rows, width = found.spectrum.shape
    kind = "rows" if found.without is None else "trained rows"
    size = f"{rows:,} {kind} x {width} dimensions"
    if found.without:
        size += (
            f" ({found.without:,} more without interactions: "
            f"{found.spectrum.effective_rank_all_rows:.1f} over all rows)"
        )
    interval = found.intervals["raw"]
    if interval is not None:
        size += f"; effective rank 95 % [{interval[0]:.1f}, {interval[1]:.1f}]"
    most = found.spectrum.dimensions_for_90_percent
    return f"{size}; 90 % of the squared norm in {most} direction{'s' if most > 1 else ''}"


def _causes(found: Diagnosis) -> str:
    causes = found.causes
    line = f"leading direction: the mean row is {100 * causes.mean:.0f} % of σ₁²"
    if causes.popularity is not None:
        line += f", with log popularity {100 * causes.popularity:.0f} %"
    line += f", with row norm {100 * causes.norm:.0f} %"
    amiss = [
        (len(causes.dead_columns), "dead columns"),
        (causes.zero_rows, "zero rows"),
        (causes.duplicate_rows, "duplicate rows"),
    ]
    return line + "".join(f"; {count:,} {what}" for count, what in amiss if count)


def _show_figures(found: Diagnosis) -> None:
    forms = list(found.figures)
    plain = {form: each.to_dict() for form, each in found.figures.items()}
    rows: list[list[Any]] = []
    for name, label in LABELS.items():
        rows.append([label, *(shown(plain[form][name]) for form in forms)])
        if name == "effective_rank":
            rows.append(["  95 %", *(_interval(found.intervals[form]) for form in forms)])
    pairs = {form: each.to_dict() for form, each in found.pairs.items()}
    pairs["unit"] = pairs["raw"]  # they are of directions
    for name, label in OF_PAIRS.items():
        if name == "mean_squared_cosine":
            label = f"  of its square (random {1 / found.spectrum.shape[1]:.4f})"
        rows.append([label, *(shown(pairs[form][name]) for form in forms)])
    show_table(["figure", *(f"{form} rows" for form in forms)], rows)
    sampled = found.pairs["raw"].rows_of_uniformity
    if sampled < found.spectrum.shape[0]:
        say(f"uniformity, and cosines of centred rows: pairs of {sampled:,} rows at random", 2)


def _interval(ends: tuple[float, float] | None) -> str:
    return "-" if ends is None else f"[{ends[0]:.2f}, {ends[1]:.2f}]"


def _show_rows(found: Diagnosis) -> None:
    if dead := found.causes.dead_columns:
        say("dead columns: " + ", ".join(map(str, dead[:20])) + (" ..." if dead[20:] else ""), 2)


def _show_remedies(found: Diagnosis) -> None:
    rows = [
        [each.name, "-" if each.effective_rank is None else f"{each.effective_rank:.1f}"]
        for each in found.remedies
    ]
    show_table(["remedy", "effective rank, predicted"], rows)


def show_advice(found: Sequence[Diagnosis], everything: bool) -> None:
    """Prints what to do, unless `show` has, and what the figure that would change is worth."""
    from fullrank.diagnosis.remedies import LEAVE, NOT_BETTER
    from fullrank.diagnosis.report import foremost

    first = foremost(found)
    named = f"{first.name}: {first.advice}" if len(found) > 1 else first.advice
    parts = [] if everything else [named]
    say(" ".join(parts if first.advice == LEAVE else [*parts, NOT_BETTER]))


def show_harm(harm: Harm, everything: bool) -> None:
    """Prints what the leading directions do to lists."""
    say(harm.sentence())
    if not everything:
        return
    names = list(harm.whole)
    rows: list[list[Any]] = [["all", *(harm.whole[name] for name in names), *("-" for _ in names)]]
    rows += [
        [str(cut.directions), *(cut.kept[name] for name in names)]
        + [cut.removed[name] for name in names]
        for cut in harm.cuts
    ]
    typer.echo("\nlists with the top m directions alone, and with these removed")
    heads = [f"{name} {what}" for what in ("alone", "removed") for name in names]
    show_table(["m", *heads], rows)
    typer.echo(f"{harm.part}, {harm.users:,} users, ranked by inner products")


def _sparkline(spectrum: Spectrum, width: int = 40) -> str:
    values = (spectrum.singular_values / spectrum.singular_values[0].clamp_min(1e-300)).tolist()
    count = min(width, len(values))
    picked = [values[round(slot * (len(values) - 1) / max(count - 1, 1))] for slot in range(count)]
    return "".join(BARS[min(int(value * len(BARS)), len(BARS) - 1)] for value in picked)
