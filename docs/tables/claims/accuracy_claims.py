"""The claims of `tables.claims.accuracy`, in the order of the paper."""

from __future__ import annotations

from tables.claims import accuracy as of
from tables.claims.claim import Claim, on_each

ALL, YELP = of.ALL, ("yelp-sparse",)

CLAIMS = (
    Claim(
        "three data sets of these sizes",
        "Table III",
        "table-3",
        lambda found: of.by_data(found, of.sizes),
        ALL,
    ),
    Claim("DirectSpec+(MF) has the printed nDCG@10", "Table IV", "table-4", of.as_printed, ALL),
    Claim(
        "DirectSpec+ is better than every baseline",
        "Table IV, section V-B1",
        "table-4",
        on_each(of.beats_all),
        ALL,
    ),
    Claim(
        "DirectSpec+ is better than every baseline at p < .01, by a one-tailed t-test",
        "Table IV",
        "table-4",
        on_each(of.significant),
        ALL,
    ),
    Claim(
        "DirectSpec+(MF) is above BPR by 35.6, 52.6 and 19.3 %",
        "sections I, V-B1",
        "table-4",
        of.gain("DirectSpec+(MF)", "BPR", {"citeulike": 35.6, "yelp": 52.6, "gowalla": 19.3}),
        ALL,
    ),
    Claim(
        "DirectSpec+(GCN) is above LightGCN by 26.6, 30.2 and 41.8 %",
        "sections I, V-B1",
        "table-4",
        of.gain("DirectSpec+(GCN)", "LightGCN", {"citeulike": 26.6, "yelp": 30.2, "gowalla": 41.8}),
        ALL,
    ),
    Claim(
        "DirectSpec(MF) is above BPR",
        "section V-B1",
        "table-4",
        on_each(of.above("DirectSpec(MF)", "BPR")),
        ALL,
    ),
    Claim(
        "DirectSpec(GCN) is above LightGCN",
        "section V-B1",
        "table-4",
        on_each(of.above("DirectSpec(GCN)", "LightGCN")),
        ALL,
    ),
    Claim(
        "DirectSpec+ is above DirectSpec",
        "section V-B1",
        "table-4",
        on_each(of.above("DirectSpec+(MF)", "DirectSpec(MF)")),
        ALL,
    ),
    Claim(
        "DirectSpec gains most on Yelp, then Gowalla, then CiteULike",
        "section V-B1",
        "table-4",
        of.order_of_gains,
        ALL,
    ),
    Claim(
        "DirectAU is the best baseline on CiteULike and Yelp, LightGCL on Gowalla",
        "section V-B1",
        "table-4",
        of.best_baselines,
        ALL,
    ),
    Claim(
        "CL-Rec is inferior to BPR",
        "section V-B1",
        "table-4",
        on_each(of.above("BPR", "CL-Rec")),
        ALL,
    ),
    Claim(
        "LightGCN is below BPR on CiteULike and Gowalla",
        "section V-B1",
        "table-4",
        of.only(of.above("BPR", "LightGCN"), "citeulike", "gowalla"),
        ("citeulike", "gowalla"),
    ),
    Claim(
        "contrast on the graph (SGL-ED) is much better than without (CL-Rec)",
        "section V-B1",
        "table-4",
        on_each(of.above("SGL-ED", "CL-Rec")),
        ALL,
    ),
    Claim(
        "DirectSpec+(MF) is above DirectSpec+(GCN) on CiteULike, the dense data",
        "section V-B1",
        "table-4",
        of.only(of.above("DirectSpec+(MF)", "DirectSpec+(GCN)"), "citeulike"),
        ("citeulike",),
    ),
    Claim(
        "DirectSpec+(GCN) is above DirectSpec+(MF) on Gowalla, the sparse data",
        "section V-B1",
        "table-4",
        of.only(of.above("DirectSpec+(GCN)", "DirectSpec+(MF)"), "gowalla"),
        ("gowalla",),
    ),
    Claim(
        "a higher effective rank does not necessarily rank better",
        "section V-C1",
        "table-4",
        on_each(of.rank_is_not_accuracy),
        ("citeulike",),
    ),
    Claim(
        "an epoch of DirectSpec+(MF) takes half as much again as BPR's",
        "Table V",
        "table-5",
        on_each(of.ratio("DirectSpec+(MF)", "BPR", 1.7)),
        ALL,
    ),
    Claim(
        "an epoch of DirectSpec+(GCN) takes hardly more than LightGCN's",
        "Table V",
        "table-5",
        on_each(of.ratio("DirectSpec+(GCN)", "LightGCN", 1.15)),
        ALL,
    ),
    Claim(
        "the share of additional time is smaller on larger data",
        "Table V, section V-B2",
        "table-5",
        of.smaller_on_larger,
        ALL,
    ),
    Claim(
        "an epoch of DirectSpec+(GCN) takes less than one of SGL-ED",
        "Table V",
        "table-5",
        on_each(of.ratio("DirectSpec+(GCN)", "SGL-ED", 1.0)),
        ALL,
    ),
    Claim(
        "static τ is better than dynamic by a large margin",
        "Table VI",
        "table-6",
        on_each(of.static_wins),
        ("citeulike",),
    ),
    Claim(
        "accuracy is best at τ₁ = 4 on Yelp",
        "Figure 9a",
        "figure-9",
        of.only(of.best_at("τ₁", 3.5, 4.5), "yelp"),
        YELP,
    ),
    Claim("accuracy is best at K = 2", "Figure 9b", "figure-9", on_each(of.best_distance), YELP),
    Claim(
        "accuracy is best at a τ₀ slightly below τ₁",
        "Figure 9c",
        "figure-9",
        on_each(of.near_lower),
        YELP,
    ),
    Claim(
        "accuracy is best at α = 1.1 on CiteULike and .6 on Yelp",
        "Figure 10",
        "figure-10",
        lambda found: of.by_data(found, of.printed_alpha),
        ("citeulike", *YELP),
    ),
)
"""Claims on accuracy, time and settings."""
