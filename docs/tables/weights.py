"""Weights of pairs: results/weighting.json and softmax.json."""

from __future__ import annotations

from statistics import mean

from tables.markdown import code, load, metric, table

WAYS = ("given", "log", "none")


def weighting() -> str:
    """A line a table and a method."""
    body = [
        [name, code(method), *(metric(mean(values[way])) for way in WAYS)]
        for name, methods in load("weighting")["values"].items()
        for method, values in methods.items()
    ]
    return table(["weights", "method", *map(code, WAYS)], body, text=(0, 1))


def softmax() -> str:
    """A line a data set: SL@K's weights by their temperature, means over divisions."""
    found = load("softmax")
    data = list(dict.fromkeys(each["data"] for each in found))
    ways = list(dict.fromkeys(each["settings"].get("weight_temperature") for each in found))
    body = []
    for name in data:
        lines = [each for each in found if each["data"] == name]
        seeds = {each["seed"] for each in lines}
        line = [name, str(len(seeds))]
        for way in ways:
            own = [each for each in lines if each["settings"].get("weight_temperature") == way]
            line.append(metric(mean(each["validation_ndcg@20"] for each in own)))
        body.append(line)
    heads = ["data", "divisions"]
    heads += ["all pairs alike" if way is None else f"τ_w {way:g}" for way in ways]
    return table(heads, body, text=(0,))
