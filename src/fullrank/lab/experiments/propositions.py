"""Propositions 1 to 4 and the equations, each checked in float64 on something small.

Trains nothing; takes seconds, and a minute on Gowalla for equations 8 and 10.
"""

from __future__ import annotations

from typing import Any

from fullrank.lab.groups import Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Table
from fullrank.lab.statements import balance, collapse, contrast, correlation, filters
from fullrank.lab.statements.check import Checked
from fullrank.pictures import Line, Panel
from fullrank.pictures.panels import Role

ROLES: tuple[Role, ...] = ("subject", "rival", "third")


def checks(scope: Scope) -> list[Checked]:
    """All of them, in the order of the paper."""
    matrix = scope.split(validation=False).train.csr()
    return [
        collapse.proposition_1(),
        collapse.equation_4(),
        collapse.equation_5(),
        collapse.equation_6(),
        collapse.equation_7(),
        filters.equation_8(matrix),
        collapse.equation_9(),
        filters.equation_10(matrix),
        filters.high_pass(matrix),
        balance.equation_13(),
        balance.proposition_2(),
        balance.never_lower(),
        correlation.proposition_3(),
        correlation.proposition_4(),
        balance.zero_correlation(),
        correlation.equation_19(),
        correlation.equation_20(),
        contrast.equation_22(),
        contrast.equation_24(),
        contrast.equation_25(),
    ]


def compute(scope: Scope, groups: Groups) -> Finding:
    """A row a statement, and curves where one helps."""
    del groups
    found = {each.name: each for each in checks(scope)}
    whole = sum(each.held for each in found.values())
    partly = sum(not each.held and bool(each.only_when) for each in found.values())
    neither = len(found) - whole - partly
    headline = (
        f"Of {len(found)} propositions and equations {whole} hold as printed, {partly} under a "
        f"condition or with a correction" + f", {neither} not" * bool(neither)
    )
    numbers: dict[str, Any] = {
        name: {"held": each.held, "only_when": each.only_when, "measured": each.measured,
               **each.numbers}
        for name, each in found.items()
    }  # fmt: skip
    rows = [[_called(name), each.statement, each.measured, each.verdict]
            for name, each in found.items()]  # fmt: skip
    heads = ("", "the paper", "measured", "")
    return Finding(headline, [Table(heads, rows)], _panels(found), numbers, REMARKS)


def _called(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _panels(found: dict[str, Checked]) -> list[Panel]:
    def lines(name: str) -> list[Line]:
        curves = found[name].curves.items()
        return [
            Line(label, x, y, role=role, marks=len(x) < 8)
            for (label, (x, y)), role in zip(curves, ROLES, strict=False)
        ]

    return [
        Panel("Proposition 1: descent on observed pairs", "steps", "effective rank of 16",
              lines("proposition-1"), x_log=True, y_limits=(0, 16.5)),
        Panel("Equation 10: steady gradients", "steps l", "effective rank of 64",
              lines("equation-10"), x_log=True, y_limits=(0, 66)),
        Panel("Equation 8: layers", "layers K", "effective rank of 64", lines("equation-8"),
              x_ticks=filters.LAYERS, y_limits=(0, 66)),
        Panel("Proposition 2: Algorithm 1, repeated", "passes T", "effective rank of 10",
              lines("proposition-2"), x_log=True, y_limits=(0, 10.4)),
        Panel("Proposition 4: the least of equation 14", "d, for 48 rows", "sum of squared cosines",
              lines("proposition-4"), x_log=True, x_ticks=correlation.WIDTHS,
              y_limits=(0, 1250)),
    ]  # fmt: skip


REMARKS = (
    (
        "Float64. Equations 8 and 10 are of the data set's interactions, the others of small "
        "generated tables and graphs; derivatives are compared with autograd."
    ),
)

EXPERIMENT = Experiment(
    id="propositions",
    title="propositions and equations, checked by numbers",
    claim="sections III and IV derive the collapse, Algorithm 1 and the tie to contrastive "
    "learning from these",
    source="Propositions 1 to 4, equations 4 to 25",
    cost="a minute",
    compute=compute,
)
