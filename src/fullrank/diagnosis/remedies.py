"""What would change the spectrum, and to what, as far as the spectrum alone can say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from fullrank.spectrum.measure import entropy_rank
from fullrank.spectrum.report import BALANCED, Spectrum

EXPONENTS = (0.25, 0.5, 1.0)
STEPS = (1, 10, 100, 1000)
NOTHING = "There is nothing to balance: see what wrote these rows."
LEAVE = "Leave it: balance is not what is wrong with this table."
NOT_BETTER = (
    "A higher effective rank is not by itself a better ranking: held-out interactions decide."
)


@dataclass(frozen=True)
class Remedy:
    """A change to a table, or to its training, and the effective rank that it leads to.

    Attributes:
        name: What is done.
        effective_rank: Predicted from the singular values; None where they do not say.
        note: What it does to lists, or where the prediction ends.
    """

    name: str
    effective_rank: float | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return asdict(self)


def remedies(raw: Tensor, centred: Tensor) -> list[Remedy]:
    """Each with its effect, from the singular values (d,) of a table and of its centred rows."""
    found = [
        Remedy(
            "take the mean row off",
            entropy_rank(centred),
            "off the items it changes no list of inner products: all scores of a user move by one "
            "number; off the users it takes a score of its own from each item",
        )
    ]
    found += [
        Remedy(
            f"whiten centred rows, exponent {exponent:g}",
            entropy_rank(whitened(centred, exponent)),
            "inner products change: weak directions count more, noise among them",
        )
        for exponent in EXPONENTS
    ]
    found += [
        Remedy(
            f"Algorithm 1, {steps} step{'s' if steps > 1 else ''}",
            entropy_rank(filtered(raw, steps)),
            "balance_spectrum(x, alpha, iterations=T), alpha = 1 / (3 σ₁²), which keeps the order "
            "of the directions",
        )
        for steps in STEPS
    ]
    found.append(
        Remedy(
            "train with DirectSpec or DirectSpecPlus",
            None,
            "evens directions out as far as its alpha says, and finds what to put there, which no "
            "change after training can",
        )
    )
    return found


def whitened(values: Tensor, exponent: float) -> Tensor:
    """Singular values after ``X C^(-p/2)``, C the covariance: ``σ^(1-p)``, zeros left at zero."""
    return values.where(values <= 0, values.clamp_min(1e-300) ** (1 - exponent))


def filtered(values: Tensor, steps: int) -> Tensor:
    """Singular values, in units of σ₁, after steps ``σ (1 - α σ²)`` with ``α = 1 / (3 σ₁²)``.

    The step grows with σ up to ``σ = 1 / √(3 α)``, so this is the largest α for which no direction
    overtakes another. Source: DirectSpec, algorithm 1 and equation 13 with L = 1.
    """
    if not values[0] > 0:
        return values
    values = values / values[0]  # as the entropy does not see a scale
    for _ in range(steps):
        values = values * (1 - values.square() / 3)
    return values


def advice(
    spectrum: Spectrum, centred: Tensor, mean_share: float, *, balanced: bool = False
) -> str:
    """The remedy that the spectrum speaks for, in a sentence; or none.

    Args:
        spectrum: Of the table.
        centred: (d,) singular values of its centred rows.
        mean_share: Share of σ₁² that the mean row is.
        balanced: Whether it was trained with a balancer, whose alpha was somebody's choice.
    """
    if not spectrum.effective_rank:
        return NOTHING
    if spectrum.share >= BALANCED:
        return LEAVE
    if balanced:
        return (
            "It was trained with a balancer. A larger alpha would even its directions out further; "
            "whether lists gain by that, a validation part says."
        )
    alone = entropy_rank(centred)
    gap = spectrum.random_effective_rank - spectrum.effective_rank
    if alone - spectrum.effective_rank >= gap / 2:
        return (
            "Before you compare rows by cosine, take their mean off: it is "
            f"{100 * mean_share:.0f} % of σ₁², and without it the table uses {alone:.1f} "
            "dimensions. In inner products with "
            "users the mean can carry popularity, which lists may need."
        )
    half = entropy_rank(whitened(centred, 0.5))
    train = "Train with DirectSpecPlus, and choose its alpha on held-out interactions."
    if half <= spectrum.effective_rank:  # as of rows that are all alike
        return f"{train} Whitening would bring no further dimension into use."
    return f"{train} Without training, whitening with exponent 0.5 would use {half:.1f} dimensions."
