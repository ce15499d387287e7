"""The pages in a real browser: what a person meets, at the widths and in the colours they have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import NEEDS_IT, SCHEMES, WIDTHS, chromium
from command import fullrank

from fullrank import Recommender

pytestmark = NEEDS_IT
PAGES = ("fit", "auto", "closed form", "compare", "tune", "inspect")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """One page of each kind, as the commands write them."""
    home = tmp_path_factory.mktemp("pages")
    quick = ("--set", "epochs=4", "--set", "batch_size=128", "--threads", "1")
    runs = (
        ("fit", "demo", "--method", "bpr", *quick, "-o", home / "fit"),
        ("fit", "demo", "--method", "auto", "--budget", "10s", "-o", home / "auto"),
        ("fit", "demo", "--method", "ease", "-o", home / "ease"),
        ("compare", "demo", "--methods", "popularity,ease,bpr", "--seeds", "2", *quick,
         "-o", home / "compare"),
        ("tune", "demo", "--method", "bpr", "--trials", "5", *quick, "-o", home / "tune"),
        ("inspect", home / "fit", "--report", home / "inspect" / "report.html"),
    )  # fmt: skip
    for run in runs:
        done = fullrank(*run)
        assert done.code == 0, done.err
    names = ("fit", "auto", "ease", "compare", "tune", "inspect")
    return {kind: home / name / "report.html" for kind, name in zip(PAGES, names, strict=True)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


class Opened:
    """A page in a browser, with all that it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, width: int, scheme: str, **options: Any) -> None:
        size = {"width": width, "height": 800}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.route("**/*", self._route)
        self.page.goto(path.as_uri())

    def _route(self, route: Any) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            route.abort()

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", PAGES)
def test_a_page_as_a_person_meets_it(pages, browser, kind, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    path = pages[kind]
    with Opened(browser, path, width, scheme) as opened:
        page = opened.page
        assert opened.asked == [path.as_uri()]
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
        _check_charts(page, width)
        page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        assert [_fault(each) for each in found if each["impact"] in ("serious", "critical")] == []
        assert opened.said == []


def _fault(violation: dict[str, Any]) -> str:
    where = "; ".join(node["html"][:120] for node in violation["nodes"][:3])
    return f"{violation['id']}: {violation['help']}: {where}"


def _check_charts(page: Any, width: int) -> None:
    """Every chart is drawn within the page, as large as letters need, and can be heard."""
    plots = page.locator("figure.chart .plot")
    assert plots.count() > 0
    for at in range(plots.count()):
        plot = plots.nth(at)
        assert plot.get_attribute("role") == "img"
        assert len(plot.get_attribute("aria-label")) > 20
        box = plot.locator("svg").bounding_box()
        assert box["width"] > 280
        assert box["height"] > 10
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    outside = """[...document.querySelectorAll("svg text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < -1 || box.right > document.documentElement.clientWidth + 1;
    }).map((text) => text.textContent)"""
    assert page.evaluate(outside) == []
    small = """Math.min(...[...document.querySelectorAll("svg text")].map((text) =>
        parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""
    assert page.evaluate(small) >= 9


@pytest.mark.parametrize("kind", PAGES)
def test_the_keyboard_reaches_what_can_be_used(pages, browser, kind):
    with Opened(browser, pages[kind], 1440, "light") as opened:
        page = opened.page
        wanted = page.evaluate(
            """[...document.querySelectorAll("a, input, summary, [tabindex='0']")]
               .filter((each) => each.checkVisibility())
               .map((each, at) => { each.dataset.at = at; return at; })"""
        )
        reached = []
        for _ in wanted:
            page.keyboard.press("Tab")
            reached.append(page.evaluate("Number(document.activeElement.dataset.at)"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
        assert reached == wanted


def test_a_chart_is_read_by_pointer_and_by_keys(pages, browser):
    with Opened(browser, pages["fit"], 1440, "light") as opened:
        page = opened.page
        figure = page.locator("#training ~ .charts figure").first
        figure.locator("summary").click()
        rows = [each.split("\t") for each in figure.locator("tbody tr").all_inner_texts()]
        slider, output = figure.locator("input"), figure.locator("output")
        slider.focus()
        assert output.inner_text().startswith(f"epoch {rows[-1][0]}: ")
        page.keyboard.press("Home")
        assert output.inner_text().startswith(f"epoch {rows[0][0]}: ")
        page.keyboard.press("ArrowRight")
        assert output.inner_text().endswith(rows[1][1])
        assert slider.get_attribute("aria-valuetext") == output.inner_text()
        box = figure.locator("svg").bounding_box()
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
        assert output.inner_text().endswith(rows[-1][1])
        assert figure.locator("svg .cursor").count() == 1


def test_without_scripts_the_values_are_in_tables(pages, browser):
    with Opened(browser, pages["fit"], 360, "light", java_script_enabled=False) as opened:
        page = opened.page
        assert page.locator("figure.chart").count() > 5
        assert page.locator(".walk:visible").count() == 0
        page.locator("summary").first.click()
        assert page.locator("figure table").first.is_visible()


def test_printed_it_has_no_controls(pages, browser):
    with Opened(browser, pages["fit"], 1000, "dark") as opened:
        opened.page.emulate_media(media="print")
        for gone in ("nav", ".walk", "details.values"):
            assert opened.page.locator(gone).first.is_hidden()
        paper = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        assert len(opened.page.pdf()) > 10_000


def test_hostile_ids_run_nothing(browser, small, tmp_path):
    import polars as pl

    from fullrank.data import Ids, Interactions, Split

    code = (
        "<script>document.title = 'taken'</script><img src='http://a.example/x' onerror=alert(1)>"
    )
    ids = [
        Ids(pl.Series([f"{code}{row}" for row in range(count)]))
        for count in (small.train.n_users, small.train.n_items)
    ]
    parts = [
        None if part is None else Interactions.from_rows(*ids, part.user_idx, part.item_idx)
        for part in (small.train, small.validation, small.test)
    ]
    model = Recommender("itemknn").fit(Split(code, *parts))
    model.save(tmp_path / "m")
    assert fullrank("report", tmp_path / "m").code == 0
    path = tmp_path / "m" / "report.html"
    with Opened(browser, path, 360, "light") as opened:
        assert opened.asked == [path.as_uri()]
        assert opened.said == []
        assert opened.page.title().startswith("itemknn on <script>")
        assert opened.page.locator("img").count() == 0
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
