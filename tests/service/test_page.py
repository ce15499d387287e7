"""The page in a real browser, used as a person would: by pointer, by keys alone, small and dark."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asking import Running, running
from browsing import NEEDS_IT, SCHEMES, WIDTHS, chromium

PICTURES = os.environ.get("FULLRANK_PICTURES")
"""A folder for screenshots, to be looked at."""
pytestmark = [*NEEDS_IT, pytest.mark.posix]


@pytest.fixture(scope="module")
def server(saved, tmp_path_factory) -> Iterator[Running]:
    """Two models: one with embeddings, and one with a hostile report."""
    first, second = saved(), saved("ease")
    (second / "report.html").write_text("<title>its report</title><p>fine")
    with running(first, second, log=tmp_path_factory.mktemp("log") / "log") as made:
        yield made
    (second / "report.html").unlink()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


class Opened:
    """The page in a browser, with all that it asked for and complained of."""

    def __init__(
        self, browser: Any, port: int, width: int = 1440, scheme: str = "light", path: str = "/"
    ) -> None:
        size = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=size, color_scheme=scheme)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"http://127.0.0.1:{port}{path}")
        self.own = f"http://127.0.0.1:{port}/"

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def check(self, width: int) -> None:
        """No fault that a person would meet."""
        from axe_playwright_python.sync_playwright import Axe

        assert self.page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(self.page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in serious] == []
        assert self.said == []
        assert [each for each in self.asked if not each.startswith(self.own)] == []

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)

    def titles(self, at: int = 0) -> list[str]:
        column = self.page.locator("#lists > div").nth(at)
        return column.locator(".title").all_inner_texts()

    def settled(self, before: list[str]) -> list[str]:
        """The first list, once it is another than before."""
        deadline = time.monotonic() + 5
        while (now := self.titles()) == before or not now:
            assert time.monotonic() < deadline, "the list stays as it is"
            self.page.wait_for_timeout(10)
        return now


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_visit_put_together_by_titles(server, browser, width, scheme):
    with Opened(browser, server.port, width, scheme) as opened:
        page = opened.page
        page.wait_for_selector("#lists li")
        assert "most popular" in page.locator("#lists .note").first.inner_text()
        popular = opened.titles()
        page.locator("#item").click()
        page.keyboard.type("quiet")
        page.wait_for_selector("#item-options li")
        opened.picture(f"options-{width}-{scheme}")
        opened.check(width)
        chosen = page.locator("#item-options li span").first.inner_text()
        begun = time.monotonic()
        page.locator("#item-options li").first.click()
        first = opened.settled(popular)
        assert time.monotonic() - begun < 2  # a tenth of that, where nothing else runs
        assert page.locator("#history li").inner_text().startswith(chosen)
        assert chosen not in first
        assert page.locator("#lists > div").count() == 2
        page.wait_for_selector(".spectrum")
        opened.check(width)
        opened.picture(f"visit-{width}-{scheme}")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
        hidden = first[0]
        page.locator("#lists button", has_text="Hide").first.click()
        after = opened.settled(first)
        assert hidden not in [each.partition(" · ")[0] for each in after]
        page.locator("#hidden button").click()
        assert opened.settled(after) == first
        opened.check(width)


def test_a_visit_by_the_keyboard_alone(server, browser):
    with Opened(browser, server.port) as opened:
        page = opened.page
        page.wait_for_selector("#lists li")
        popular = opened.titles()
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "item":
                break
        field = page.locator("#item")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.type("the")
        page.wait_for_selector("#item-options li")
        assert field.get_attribute("aria-expanded") == "true"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        active = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
        assert active.get_attribute("aria-selected") == "true"
        title = active.locator("span").first.inner_text()
        page.keyboard.press("Enter")
        first = opened.settled(popular)
        assert page.locator("#history span").all_inner_texts() == [title]
        assert page.evaluate("document.activeElement.id") == "item"
        assert "items of bpr-0" in page.locator("#status").inner_text()
        page.keyboard.type("the")
        page.wait_for_selector("#item-options li")
        page.keyboard.press("Escape")
        assert page.locator("#item-options").is_hidden()
        assert field.get_attribute("aria-expanded") == "false"
        page.keyboard.press("Escape")
        assert field.input_value() == ""
        page.keyboard.type("no such title")
        page.locator("#item-combo .none").wait_for()
        page.keyboard.press("Escape")
        assert page.locator("#item-combo .none").is_hidden()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the only chip's button
        assert opened.settled(first) == popular
        assert page.evaluate("document.activeElement.id") == "item"
        opened.check(1440)


def test_a_user_and_the_length_of_the_list(server, browser):
    with Opened(browser, server.port) as opened:
        page = opened.page
        page.wait_for_selector("#lists li")
        popular = opened.titles()
        page.get_by_label("A user of the training data").check()
        page.get_by_role("combobox", name="User id").fill("u17")
        page.wait_for_selector("#user-options li")
        page.locator("#user-options li").first.click()
        first = opened.settled(popular)
        answer = server.post("/v1/recommend", users=["u17"], k=10).json["lists"][0]["items"]
        titles = [each.partition(" · ")[0] for each in first]
        assert titles == [each["title"] for each in answer]
        assert page.locator("#history-name").inner_text() == "What u17 has"
        page.get_by_label("Length of the list").select_option("5")
        assert len(opened.settled(first)) == 5
        page.get_by_label("Also what they already have").check()
        page.wait_for_timeout(300)
        had = set(page.locator("#history span").all_inner_texts())
        assert had & {each.partition(" · ")[0] for each in opened.titles()}
        opened.check(1440)
        opened.picture("user")


def test_rules_and_reasons(server, browser):
    with Opened(browser, server.port) as opened:
        page = opened.page
        page.wait_for_selector("#lists li")
        popular = opened.titles()
        page.locator("#item").fill("quiet")
        page.locator("#item-options li").first.click()
        before = opened.settled(popular)
        page.locator("#rules-part summary").click()
        page.get_by_label("Less of what everybody has").check()
        after = opened.settled(before)
        page.get_by_label("More rules, as JSON").fill('{"no rule": 1}')
        page.locator("#length").focus()
        page.get_by_role("alert").wait_for()
        assert "$.rules" in page.get_by_role("alert").inner_text()
        page.get_by_label("More rules, as JSON").fill("")
        page.locator("#length").focus()
        page.get_by_label("Less of what everybody has").uncheck()
        assert opened.settled(after) == before
        opened.said.clear()  # the browser's own word on the answer 422
        page.get_by_role("button", name="Why").first.click()
        page.wait_for_selector(".reasons li")
        opened.picture("reasons")
        opened.check(1440)


def test_the_report_and_the_spectrum(server, browser):
    with Opened(browser, server.port) as opened:
        page = opened.page
        page.wait_for_selector(".spectrum svg")
        assert re.search(
            "effective rank", page.locator(".spectrum svg").get_attribute("aria-label")
        )
        page.get_by_role("link", name="Report of ease-0").click()
        page.wait_for_url("**/report?model=ease-0")
        assert page.title() == "its report"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_documentation(server, browser, width):
    with Opened(browser, server.port, width, path="/docs") as opened:
        opened.page.wait_for_selector(".operation")
        assert "/v1/recommend/session" in opened.page.locator("#operations").inner_text()
        opened.check(width)
        opened.picture(f"docs-{width}")


def test_a_key_is_asked_for(saved, browser, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("0123456789abcdef\n")
    with (
        running(saved(), "--api-key-file", keys, log=tmp_path / "log") as server,
        Opened(browser, server.port, 360, "dark") as opened,
    ):
        page = opened.page
        page.get_by_label("API key").fill("0123456789abcdef")
        opened.picture("key")
        page.keyboard.press("Enter")
        page.wait_for_selector("#lists li")
        assert page.locator("#key-form").is_hidden()
        assert len(opened.said) == 1  # the browser's own word on the answer 401
        assert "401" in opened.said[0]


def test_hostile_titles_run_nothing(saved, small, browser, tmp_path):
    import polars as pl

    from fullrank import Recommender
    from fullrank.data import Ids, Interactions, Split

    code = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    ids = [Ids(pl.Series([f"{code}{row}/%2F?&#" for row in range(n)]))
           for n in (small.train.n_users, small.train.n_items)]  # fmt: skip
    train = Interactions.from_rows(*ids, small.train.user_idx, small.train.item_idx)
    Recommender("itemknn").fit(Split(code, train, None, None)).save(tmp_path / "m")
    with (
        running(tmp_path / "m", log=tmp_path / "log") as server,
        Opened(browser, server.port, 360) as opened,
    ):
        page = opened.page
        page.wait_for_selector("#lists li")
        before = opened.titles()
        assert "<img" in before[0]
        page.get_by_label("A user of the training data").check()
        page.get_by_role("combobox", name="User id").fill("taken")
        page.locator("#user-options li").first.click()
        opened.settled(before)
        assert page.locator("#history li").count() > 0
        assert page.title() == "Try the model: fullrank"
        opened.check(360)
