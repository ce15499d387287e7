"""Names for generated items, in which the communities of an item can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

FLAVOURS = ["Alpine", "Baltic", "Coastal", "Desert", "Electric", "Folk", "Gothic", "Harbour"]
FLAVOURS += ["Island", "Jungle", "Lunar", "Midnight", "Nordic", "Orbital", "Prairie", "Rural"]
KINDS = ["Ballads", "Comedies", "Crime", "Fables", "Gardening", "History", "Mysteries", "Opera"]
KINDS += ["Puzzles", "Recipes", "Romance", "Satire", "Travel", "Westerns"]
QUALITIES = ["Amber", "Borrowed", "Broken", "Careful", "Crooked", "Distant", "Eager", "Fading"]
QUALITIES += ["Gentle", "Hidden", "Hollow", "Idle", "Last", "Lost", "Narrow", "Patient"]
QUALITIES += ["Quiet", "Restless", "Second", "Silent", "Stubborn", "Unlikely", "Velvet", "Winter"]
THINGS = ["Anchor", "Bridge", "Candle", "Compass", "Door", "Feather", "Ferry", "Garden"]
THINGS += ["Island", "Kettle", "Ladder", "Lantern", "Letter", "Map", "Mirror", "Orchard"]
THINGS += ["Piano", "River", "Shadow", "Staircase", "Summer", "Telescope", "Umbrella", "Violin"]


def titles(first: NDArray[Any], second: NDArray[Any]) -> pl.Series:
    """One title for each item, such as ``The Quiet Lantern (Nordic Crime / Lunar Opera)``.

    Args:
        first: Community of each item, ``(n_items,)``.
        second: Second community of each item, -1 for none, ``(n_items,)``.
    """
    communities = [f"{flavour} {kind}" for kind in KINDS for flavour in FLAVOURS]
    stories = [f"The {quality} {thing}" for quality in QUALITIES for thing in THINGS]
    number = np.arange(len(first))
    table = pl.DataFrame(
        {
            # 241 has no factor in common with the number of stories: neighbours differ in both
            # words, and no story returns before all have been used.
            "story": pl.Series(stories).gather(number * 241 % len(stories)),
            "volume": number // len(stories) + 1,
            "first": _named(communities, first),
            "second": _named(communities, np.maximum(second, 0)),
            "bridging": second >= 0,
        }
    )
    volume = pl.when(pl.col("volume") > 1).then(pl.format(" {}", "volume")).otherwise(pl.lit(""))
    also = pl.when("bridging").then(pl.format(" / {}", "second")).otherwise(pl.lit(""))
    return table.select(title=pl.format("{}{} ({}{})", "story", volume, "first", also))["title"]


def _named(communities: list[str], number: NDArray[Any]) -> pl.Series:
    # A stride without a factor in common spreads few communities over all flavours and kinds.
    return pl.Series(communities).gather(number.astype(np.int64) * 37 % len(communities))
