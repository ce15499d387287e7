"""All that is measured of one table, or of users and items stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fullrank.diagnosis.causes import Causes
from fullrank.diagnosis.remedies import Remedy, advice, remedies
from fullrank.diagnosis.tables import Table
from fullrank.spectrum import Spectrum
from fullrank.spectrum.figures import Figures
from fullrank.spectrum.measure import entropy_rank
from fullrank.spectrum.moments import Moments, eigenvalues, half_interval, leading_direction
from fullrank.spectrum.pairs import Pairs
from fullrank.spectrum.survey import Survey

FORMS = ("raw", "centred", "unit")
"""Rows as they are; less their mean; scaled to length one."""
STACKED = "users and items"
"""How the name of both tables of a model, taken as one, ends."""
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Diagnosis:
    """The figures of a table, with their causes and remedies.

    Attributes:
        name: Of the table.
        spectrum: Of its rows, or of those with interactions where these are known.
        all_rows: Rows of the table.
        without: Rows without interactions; None where they are not known.
        figures: Of each form of the rows.
        pairs: Cosines and uniformity, of raw rows and of centred ones; they are of directions, so
            those of unit rows are those of raw ones.
        intervals: 95 % of the effective rank of each form, from halves of the rows.
        causes: What explains the leading direction.
        remedies: What would change it.
        advice: The one that the spectrum speaks for.
        direction: (d,) leading right singular vector.
    """

    name: str
    spectrum: Spectrum
    all_rows: int
    without: int | None
    figures: dict[str, Figures]
    pairs: dict[str, Pairs]
    intervals: dict[str, Interval]
    causes: Causes
    remedies: list[Remedy]
    advice: str
    direction: Tensor

    @classmethod
    def of(
        cls,
        name: str,
        tables: Sequence[Table],
        counts: Tensor | None = None,
        *,
        balanced: bool = False,
    ) -> Diagnosis:
        """Of one table or several of a width, taken as one of all their rows; one pass.

        Args:
            name: To report it by.
            tables: What to read.
            counts: (Σ rows,) interactions of each row, where they are known.
            balanced: Whether they were trained with a balancer.

        Raises:
            ValueError: a value is not finite, or there are too few columns or rows.
        """
        survey = Survey(sum(each.rows for each in tables), tables[0].width, counts)
        for table in tables:
            for block in table.blocks():
                survey.add(block)
        return cls._of_survey(name, survey, balanced)

    @classmethod
    def _of_survey(cls, name: str, survey: Survey, balanced: bool) -> Diagnosis:
        spectrum = Spectrum.of_survey(survey)
        raw, unit = Moments.sum(survey.raw), Moments.sum(survey.unit)
        values = {
            "raw": spectrum.singular_values,
            "centred": eigenvalues(raw.centred_gram(), rounding_of=raw.gram).sqrt(),
            "unit": eigenvalues(unit.gram).sqrt(),
        }
        direction = leading_direction(raw.gram)
        causes = Causes.of(survey, direction)
        return cls(
            name=name,
            spectrum=spectrum,
            all_rows=survey.rows,
            without=None if survey.popularity is None else survey.rows - survey.count,
            figures={form: Figures.of(values[form], survey.count) for form in FORMS},
            pairs={
                "raw": Pairs.of(unit, survey.sample),
                "centred": Pairs.centred(raw.mean, survey.sample),
            },
            intervals=_intervals(survey),
            causes=causes,
            remedies=remedies(values["raw"], values["centred"]),
            advice=advice(spectrum, values["centred"], causes.mean, balanced=balanced),
            direction=direction,
        )

    @property
    def share_in_use(self) -> float:
        """Effective rank as a share of the dimensions that there are."""
        return self.spectrum.effective_rank / self.spectrum.shape[1]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            **self.spectrum.to_dict(),
            "share_of_dimensions": self.share_in_use,
            "all_rows": self.all_rows,
            "rows_without_interactions": self.without,
            "effective_rank_intervals": self.intervals,
            "figures": {form: each.to_dict() for form, each in self.figures.items()},
            "pairs": {form: each.to_dict() for form, each in self.pairs.items()},
            "causes": self.causes.to_dict(),
            "remedies": [each.to_dict() for each in self.remedies],
            "advice": self.advice,
        }


def _intervals(survey: Survey) -> dict[str, Interval]:
    def of_gram(part: Moments) -> float:
        return entropy_rank(eigenvalues(part.gram).sqrt())

    def centred(part: Moments) -> float:
        return entropy_rank(eigenvalues(part.centred_gram(), rounding_of=part.gram).sqrt())

    return {
        "raw": half_interval(survey.raw, of_gram),
        "centred": half_interval(survey.raw, centred),
        "unit": half_interval(survey.unit, of_gram),
    }


def foremost(found: Sequence[Diagnosis]) -> Diagnosis:
    """The one that a report of several begins with, and that its advice is of.

    Users and items stacked, where they are there: the paper's figure. Else the table that uses the
    least of what it could.
    """
    stacked = [each for each in found if each.name.endswith(STACKED)]
    return min(stacked or found, key=lambda each: each.spectrum.share)
