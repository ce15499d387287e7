"""The paper's propositions and equations, each checked in float64 on something small.

A check returns what was measured and whether the statement held as it is printed; where it holds in
part, it says when. `fullrank.lab.experiments.propositions` makes the table.
"""
