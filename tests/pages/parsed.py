"""A page as a tree: what is in it, and whether it is whole."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "input", "br", "hr", "link", "img"}


class Element:
    def __init__(self, tag: str, attributes: dict[str, str | None], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []
        self.texts: list[str] = []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[Element]:
        found = [self] if self.tag == tag else []
        return found + [each for child in self.children for each in child.all(tag)]

    def with_class(self, name: str) -> list[Element]:
        own = name in (self.attributes.get("class") or "").split()
        return ([self] if own else []) + [
            each for child in self.children for each in child.with_class(name)
        ]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Element("", {}, None)

    def handle_starttag(self, tag, attrs):
        child = Element(tag, dict(attrs), self.at)
        self.at.children.append(child)
        if tag not in VOID:
            self.at = child

    def handle_startendtag(self, tag, attrs):
        self.at.children.append(Element(tag, dict(attrs), self.at))

    def handle_endtag(self, tag):
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data):
        at = self.at
        while at is not None:
            at.texts.append(data)
            at = at.parent


def parse(page: str) -> Element:
    """The tree of a page in which each tag that is opened is closed."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert parser.at is parser.root, f"<{parser.at.tag}> is not closed"
    return parser.root


def check(page: str) -> Element:
    """The tree of a page; it is whole, loads nothing, and says of each part what it is."""
    assert len(page.encode()) < 3_000_000
    root = parse(page)
    [html] = root.all("html")
    assert html.attributes["lang"] == "en"
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(root.all(tag)) == 1, tag
    assert len(root.all("head")[0].all("title")) == 1
    ids = [each.attributes["id"] for each in everything(root) if each.attributes.get("id")]
    assert len(ids) == len(set(ids))
    for link in root.all("a"):
        assert link.attributes["href"][1:] in ids
    for each in everything(root):
        assert each.tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "srcset", "data", "action"} & each.attributes.keys()
        assert not any(name.startswith("on") for name in each.attributes), each.attributes
    [script], [style] = root.all("script"), root.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert "http" not in script.text.replace("http://www.w3.org/2000/svg", "")
    _check_headings(root)
    for figure in root.all("figure"):
        _check_figure(figure)
    for table in root.all("table"):
        assert table.all("caption")[0].text
        assert all(each.attributes["scope"] in ("col", "row") for each in table.all("th"))
        widths = {len(row.children) for row in table.all("tr")}
        assert len(widths) == 1, widths
    return root


def everything(root: Element) -> list[Element]:
    return [root, *(each for child in root.children for each in everything(child))]


def _check_headings(root: Element) -> None:
    levels = [int(each.tag[1]) for each in everything(root) if each.tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def _check_figure(figure: Element) -> None:
    [plot] = figure.with_class("plot")
    assert plot.attributes["role"] == "img"
    assert len(plot.attributes["aria-label"] or "") > 20
    assert plot.all("svg")[0].children
    assert figure.all("figcaption")[0].text
    rows = figure.all("details")[0].all("tbody")[0].all("tr")
    assert rows
    for walk in figure.with_class("walk"):
        positions = [float(each) for each in (walk.attributes["data-at"] or "").split()]
        assert len(positions) == len(rows)
        assert positions == sorted(positions)
    for text in plot.all("text"):
        if text.attributes.get("class") != "label":
            assert "nan" not in text.text.lower().split(), text.text
    numbers = [
        value
        for each in everything(plot)
        for name, value in each.attributes.items()
        if name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "points")
    ]
    for value in " ".join(filter(None, numbers)).replace(",", " ").split():
        assert -1 <= float(value) <= 2000, value
