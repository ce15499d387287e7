"""Claims of sections III and IV that are checked in float64: propositions, equations, Table I."""

from __future__ import annotations

from itertools import pairwise

from tables.claims.claim import HELD, Answer, Claim, Document, Found, Judge, on_each


def _checked(name: str) -> Judge:
    def judge(found: Found) -> Answer | None:
        known = [each["numbers"][name] for each in found.values() if name in each["numbers"]]
        if not known:
            return None
        first = known[0]
        only = f"held only {first['only_when']}" if first["only_when"] else "did not hold"
        if name in ("equation-8", "equation-10", "high-pass") and len(known) > 1:
            texts = [f"{data}: {each['numbers'][name]['measured']}" for data, each in found.items()]
            held = all(each["held"] for each in known)
            return Answer("; ".join(texts), HELD if held else only)
        return Answer(first["measured"], HELD if first["held"] else only)

    return judge


def _rising(name: str) -> Judge:
    def one(document: Document) -> tuple[str, bool]:
        row = {float(key): value for key, value in document["numbers"][name].items()}
        values = [row[key] for key in sorted(row)]
        rises = all(later > earlier for earlier, later in pairwise(values))
        shown = ", ".join(f"{value:.2f}" for value in values)
        return f"effective rank {shown}", rises

    return on_each(one)


def _l_row(document: Document) -> tuple[str, bool]:
    """``share_below_zero_at_alpha_1e-3`` is of random 10 × 10 matrices, by L."""
    shares = document["numbers"]["share_below_zero_at_alpha_1e-3"]
    shown = ", ".join(f"{share:.0%} at L = {power}" for power, share in shares.items())
    return f"1 − α σ₁²ᴸ is below 0 for {shown} of random matrices", shares["3"] < 0.5


EQUATIONS = (
    ("proposition-1", "on a connected graph all rows become alike when the log loss converges",
     "Proposition 1"),
    ("equation-4", "descent on observed pairs is message passing, H + αAH", "equation 4"),
    ("equation-5", "descent on the Euclidean loss is (I + αA)ˡ H", "equation 5"),
    ("equation-6", "I + αA is a low-pass filter; its first eigenvector alone remains",
     "equation 6"),
    ("equation-7", "the rank of H becomes 1 and all nodes have the same row", "equation 7"),
    ("equation-8", "more layers of LightGCN make it collapse faster", "equation 8"),
    ("equation-9", "descent on BCE is H + α(A − Ā)H", "equation 9"),
    ("equation-10", "with steady gradients, negatives slow the collapse and do not prevent it",
     "equation 10"),
    ("high-pass", "unobserved pairs are a high-pass filter that balances the spectrum",
     "section III-B"),
    ("equation-13", "Algorithm 1 multiplies σ by 1 − α σ²ᴸ", "equation 13"),
    ("proposition-2", "Algorithm 1, repeated, makes the effective rank d", "Proposition 2"),
    ("never-lower", "a pass never lowers the effective rank while 1 − α σ₁²ᴸ > 0",
     "section IV-A"),
    ("proposition-3", "DirectSpec is descent on the sum of squared similarities",
     "Proposition 3"),
    ("proposition-4", "the lower bound of that sum goes to 0 as d goes to the number of rows",
     "Proposition 4"),
    ("equation-18", "rows whose similarities are the identity have the highest effective rank",
     "equation 18"),
    ("equation-19", "the loss is Σ ln σ + L_ds", "equation 19"),
    ("equation-20", "DirectSpec+'s loss is a Gaussian potential, least where rows are orthogonal",
     "equation 20"),
    ("equation-22", "DirectSpec+'s step is its gradient, regulated by a softmax", "equation 22"),
    ("equation-24", "the gradient of the contrastive loss with fixed alignment", "equation 24"),
    ("equation-25", "uniformity is DirectSpec+ but for one term, which is ignored",
     "equation 25"),
)  # fmt: skip

CLAIMS = (
    *(Claim(text, where, "propositions", _checked(name)) for name, text, where in EQUATIONS),
    Claim("the effective rank goes up with T", "Table I", "table-1", _rising("T"), ()),
    Claim("the effective rank goes up with α", "Table I", "table-1", _rising("α"), ()),
    Claim("the effective rank goes up with L", "Table I", "table-1", _rising("L"), ()),
    Claim("at α = .001 the factor stays above 0 up to L = 3", "Table I, section IV-A", "table-1",
          on_each(_l_row), ()),
)  # fmt: skip
