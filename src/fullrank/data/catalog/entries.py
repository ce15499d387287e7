"""The table of data sets: their sizes, their files and what is known of their content."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Args:
        name: What it is called, in ``FULLRANK_DATA`` and in the cache.
        url: Its public home; none if it has to be put into ``FULLRANK_DATA`` by hand.
        sha256: What the bytes at that home hash to, where this is known.
        git_blob: What git calls these bytes, where this is known and the other is not.
    """

    name: str
    url: str | None = None
    sha256: str | None = None
    git_blob: str | None = None

    @property
    def hashed(self) -> bool:
        """Whether the content is known by a hash."""
        return bool(self.sha256 or self.git_blob)


@dataclass(frozen=True)
class Entry:
    """A data set: its sizes, its files, and what is known of its content.

    Args:
        name: What `load` calls it.
        about: What it is, in a line.
        users: Number of user rows.
        items: Number of item rows.
        interactions: Rows of all its files together, repeated pairs counted as often as they occur.
        files: ``train.*`` and ``test.*`` for a published split; otherwise one table of all
            interactions, and one of titles.
        fingerprints: Those of the parts as read, which a download must match: they do not depend
            on line ends or the order of lines, as hashes of files do.
    """

    name: str
    about: str
    users: int
    items: int
    interactions: int
    files: tuple[File, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)

    @property
    def pinned(self) -> bool:
        """Whether the data set comes divided into train and test."""
        return any(file.name.startswith("test.") for file in self.files)


_SGFCF = "https://raw.githubusercontent.com/tanatosuu/sgfcf/"
_LIGHTGCN = "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/master/data/"
_RECBOLE = (
    "https://raw.githubusercontent.com/RUCAIBox/RecBole/"
    "6af995d83513ebf16777fedf35bfa830680f5d88/dataset/"
)
_CITEULIKE = _SGFCF + "9cd03f27c59f5e92ed3e9d025b60431af87945e3/datasets/citeulike/"

CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "demo",
            "generated, with the traits of real data; needs no file",
            users=2_000,
            items=1_500,
            interactions=60_000,
        ),
        Entry(
            "citeulike",
            "who keeps which article, the DirectSpec paper's split",
            users=5_551,
            items=16_980,
            interactions=210_537,
            files=(
                File(
                    "train.csv",
                    _CITEULIKE + "train.csv",
                    "668d1011a83674cab98232bccd8343bdeadaa0d72c8d7e3664380874f681d3b5",
                ),
                File(
                    "test.csv",
                    _CITEULIKE + "test.csv",
                    "b27b8daa397475492409e861a1e82ff01de6c10f74f3ff9f8fce0a812ce77671",
                ),
            ),
        ),
        # Copies of the Gowalla files differ in their bytes from home to home, the training file
        # at least. So the content is what is checked, not the bytes.
        Entry(
            "gowalla",
            "who checked in where, the split of NGCF, LightGCN and the DirectSpec paper",
            users=29_858,
            items=40_981,
            interactions=1_027_370,
            files=(
                File("train.txt", _LIGHTGCN + "gowalla/train.txt"),
                File("test.txt", _LIGHTGCN + "gowalla/test.txt"),
            ),
            fingerprints={"train": "7aef637aaf504e74", "test": "5852dcca8ac0a3c4"},
        ),
        Entry(
            "yelp2018",
            "who reviewed which business, the split of NGCF and LightGCN",
            users=31_668,
            items=38_048,
            interactions=1_561_406,
            files=(
                File("train.txt", _LIGHTGCN + "yelp2018/train.txt"),
                File("test.txt", _LIGHTGCN + "yelp2018/test.txt"),
            ),
            fingerprints={"train": "e7ab26dde283c249", "test": "68e4aee6899a7670"},
        ),
        # No copy was at hand when this was written: the hashes are facts that others reported, and
        # the commit is not pinned. Its header is ``user ,item``, and its test part repeats pairs.
        Entry(
            "yelp",
            "who reviewed which business, the DirectSpec paper's split",
            users=25_677,
            items=25_815,
            interactions=731_672,
            files=(
                File(
                    "train.csv",
                    _SGFCF + "HEAD/datasets/yelp/train.csv",
                    git_blob="f5b03853634357373952c5be7f5f97c3892a63ce",
                ),
                File(
                    "test.csv",
                    _SGFCF + "HEAD/datasets/yelp/test.csv",
                    "5c548784dcbab033a576072421e9be5d4d3dbce91367f6afc05a61ce38a5cf2c",
                ),
            ),
        ),
        Entry(
            "yelp-sparse",
            "the users and items of yelp with a fifth of its interactions to train on; "
            "without a public home, to be put into FULLRANK_DATA",
            users=25_677,
            items=25_815,
            interactions=260_022,
            files=(File("train.csv"), File("test.csv")),
        ),
        # The public file of titles calls its first column movie_id, other copies item_id; its
        # hash is not known, so the number of titles is checked.
        Entry(
            "ml-100k",
            "film ratings with times and titles",
            users=943,
            items=1_682,
            interactions=100_000,
            files=(
                File(
                    "ml-100k.inter",
                    _RECBOLE + "ml-100k/ml-100k.inter",
                    "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
                ),
                File("ml-100k.item", _RECBOLE + "ml-100k/ml-100k.item"),
            ),
        ),
    )
}
