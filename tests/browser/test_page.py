"""What people do on the page: search, follow lineage and columns, look back, send each other links.

Every test fails, too, if its page logs an error, shows a dialog or asks for anything outside this machine.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import FCT_ORDERS, WAREHOUSE, lineage_address
from tests.browser.conftest import OpenPage
from tests.end_to_end.events import dataset, documented, facet, run_event
from tests.end_to_end.graph_reading import urn_of
from tests.end_to_end.service import Service

AROUND = """query($urn: String!, $asOf: AsOf) {
  lineage(urns: [$urn], depth: 1, asOf: $asOf) {
    nodes { urn name } edges { source target } hidden { urn up down } } }"""


def around(service: Service, urn: str, at: str | None = None) -> dict[str, Any]:
    """One step of lineage each way, as the service answers it."""
    variables = {"urn": urn, "asOf": {"valid": at} if at else None}
    answer: dict[str, Any] = service.graphql(AROUND, variables)["lineage"]
    return answer


def short_names(nodes: list[dict[str, str]]) -> list[str]:
    return sorted(re.split(r"[./]", node["name"])[-1] for node in nodes)


def cards(page: Page) -> list[str]:
    """The names on the cards of the graph."""
    return sorted(str(card.get_attribute("aria-label")) for card in page.get_by_role("article").all())


def open_lineage(page: Page, shop: Service, urn: str = FCT_ORDERS, query: str = "") -> None:
    page.goto(lineage_address(shop.url, urn, query))
    expect(page.get_by_role("article").first).to_be_visible()


def card(page: Page, name: str) -> Any:
    return page.get_by_role("article", name=name, exact=True)


def test_the_home_page_shows_what_there_is(page: Page, shop: Service) -> None:
    page.goto(shop.url)

    expect(page).to_have_url(re.compile("/ui/$"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("heading", name="Recently updated")).to_be_visible()
    counts = shop.graphql("{ status { counts { type count } } }")["status"]["counts"]
    [jobs] = [it["count"] for it in counts if it["type"] == "Run"]
    expect(page.get_by_role("main")).to_contain_text(str(jobs))


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_a_dataset_is_found_by_the_keyboard_alone(page: Page, shop: Service, key: str) -> None:
    page.goto(shop.url + "/ui/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    page.keyboard.press(key)
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("fct ord")
    expect(page.get_by_role("option", name="fct_orders").first).to_be_visible()
    options = page.get_by_role("option").all_inner_texts()
    wanted = next(index for index, text in enumerate(options) if "fct_orders" in text and "marts" in text)
    for _ in range(wanted):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("fct_orders")
    expect(page.get_by_role("combobox")).to_have_count(0)


def test_a_search_without_results_says_so_and_escape_closes_it(page: Page, shop: Service) -> None:
    page.goto(shop.url + "/ui/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("/")
    page.get_by_role("combobox").fill("no such thing <b>")

    expect(page.get_by_text("Nothing is called")).to_contain_text("no such thing <b>")
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox")).to_have_count(0)


def test_the_graph_shows_exactly_what_the_service_answers(page: Page, shop: Service) -> None:
    open_lineage(page, shop)

    answer = around(shop, FCT_ORDERS)
    assert len(answer["nodes"]) > 3
    expect(page.get_by_role("article")).to_have_count(len(answer["nodes"]))
    assert cards(page) == short_names(answer["nodes"])


def test_columns_are_shown_on_demand_and_a_click_traces_one(page: Page, shop: Service) -> None:
    open_lineage(page, shop)
    column = card(page, "fct_orders").get_by_role("button", name="revenue_eur")
    expect(column).to_have_count(0)

    page.keyboard.press("c")
    expect(column).to_be_visible()
    expect(page).to_have_url(re.compile("cols=1"))
    column.click()
    expect(page.get_by_text("Path of")).to_be_visible()
    expect(column).to_have_attribute("aria-pressed", "true")

    page.keyboard.press("Escape")
    expect(page.get_by_text("Path of")).to_have_count(0)
    page.keyboard.press("c")
    expect(column).to_have_count(0)


def test_a_plus_brings_the_neighbours_that_it_counts(page: Page, shop: Service) -> None:
    open_lineage(page, shop)
    before = cards(page)
    expander = page.get_by_role("button", name=re.compile(r"^Show \d+ more (source|dependant)s?: ")).first
    label = str(expander.get_attribute("aria-label"))
    more = int(label.split()[1])

    expander.click()

    expect(page.get_by_role("button", name=label, exact=True)).to_have_count(0)
    after = cards(page)
    assert len(before) < len(after) <= len(before) + more
    assert set(before) <= set(after)
    expect(page).to_have_url(re.compile(r"[?&]x=[ud]\."))


def test_the_panel_tells_about_the_card_that_is_chosen(page: Page, shop: Service) -> None:
    open_lineage(page, shop)
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("heading", level=2)).to_have_text("fct_orders")

    card(page, "stg_orders").get_by_role("button").first.click()
    expect(details.get_by_role("heading", level=2)).to_have_text("stg_orders")
    details.get_by_role("tab", name="Columns").click()
    expect(details.get_by_text("order_id", exact=True).first).to_be_visible()
    details.get_by_role("tab", name="Runs").click()
    expect(details.get_by_text("complete").first).to_be_visible()
    details.get_by_role("tab", name="Facets").click()
    expect(details.get_by_text("schema", exact=True).first).to_be_visible()


def test_a_job_between_cards_opens_its_evidence(page: Page, shop: Service) -> None:
    open_lineage(page, shop)

    page.get_by_role("button", name="Job fct_orders", exact=True).click()
    drawer = page.get_by_role("complementary", name="Evidence")
    expect(drawer).to_contain_text("Journal positions")
    expect(drawer).to_contain_text("fct_orders")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_an_address_is_a_view_that_can_be_sent(open_page: OpenPage, shop: Service) -> None:
    mine = open_page()
    open_lineage(mine, shop, query="up=2&cols=1")
    card(mine, "fct_orders").get_by_role("button", name="revenue_eur").click()
    expect(mine.get_by_text("Path of")).to_be_visible()
    card(mine, "stg_orders").get_by_role("button").first.click()
    expect(mine.get_by_role("complementary", name="Details").get_by_role("heading", level=2)).to_have_text("stg_orders")

    yours = open_page()
    yours.goto(mine.url)

    expect(yours.get_by_text("Path of")).to_be_visible()
    expect(yours.get_by_role("article")).to_have_count(mine.get_by_role("article").count())
    assert cards(yours) == cards(mine)
    assert yours.url == mine.url
    expect(yours.get_by_role("complementary", name="Details").get_by_role("heading", level=2)).to_have_text(
        "stg_orders"
    )
    traced = "[aria-pressed=true]"
    assert yours.locator(traced).all_inner_texts() == mine.locator(traced).all_inner_texts()


def test_back_and_forward_walk_the_views(page: Page, shop: Service) -> None:
    open_lineage(page, shop)
    column = card(page, "fct_orders").get_by_role("button", name="revenue_eur")
    page.keyboard.press("c")
    expect(column).to_be_visible()
    column.click()
    expect(page.get_by_text("Path of")).to_be_visible()

    page.go_back()
    expect(page.get_by_text("Path of")).to_have_count(0)
    expect(column).to_be_visible()
    page.go_back()
    expect(column).to_have_count(0)
    page.go_forward()
    expect(column).to_be_visible()


def test_another_card_can_be_brought_into_focus(page: Page, shop: Service) -> None:
    open_lineage(page, shop)

    card(page, "stg_orders").get_by_role("button", name="Open lineage of stg_orders").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("stg_orders")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("fct_orders")


def test_the_table_says_in_words_what_the_graph_draws(page: Page, shop: Service) -> None:
    open_lineage(page, shop)
    answer = around(shop, FCT_ORDERS)

    page.keyboard.press("t")

    expect(page.get_by_role("heading", name="What feeds what")).to_be_visible()
    assets, edges = page.get_by_role("main").get_by_role("table").all()[:2]
    assert assets.locator("tbody tr").count() == len(answer["nodes"])
    assert edges.locator("tbody tr").count() == len(answer["edges"])
    expect(page).to_have_url(re.compile("view=table"))
    page.keyboard.press("t")
    expect(page.get_by_role("article").first).to_be_visible()


def test_the_past_is_shown_as_it_was_and_says_that_it_is_the_past(page: Page, shop: Service) -> None:
    at = (datetime.now(UTC) - timedelta(days=3, hours=12)).strftime("%Y-%m-%dT%H:%MZ")  # before the rename
    then, now = short_names(around(shop, FCT_ORDERS, at)["nodes"]), short_names(around(shop, FCT_ORDERS)["nodes"])
    assert "mart_ad_performance" in then
    assert "mart_marketing_roi" in now
    banner = page.get_by_text("You are looking at")

    open_lineage(page, shop, query=f"at={at}")
    expect(banner).to_be_visible()
    expect(card(page, "mart_ad_performance")).to_be_visible()
    assert cards(page) == then

    page.get_by_role("button", name="Show the present").first.click()
    expect(banner).to_have_count(0)
    expect(card(page, "mart_marketing_roi")).to_be_visible()
    expect(card(page, "mart_ad_performance")).to_have_count(0)
    assert cards(page) == now


def test_yesterday_is_one_choice_away(page: Page, shop: Service) -> None:
    open_lineage(page, shop)

    page.get_by_role("button", name="As of now").click()
    page.get_by_role("button", name="Yesterday").click()

    expect(page.get_by_text("You are looking at")).to_be_visible()
    day = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    expect(page).to_have_url(re.compile(f"at={day}T"))


def ground(page: Page) -> int:
    """How light the page's background is: 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return max(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_dark_is_taken_from_the_system_and_can_be_switched(open_page: OpenPage, shop: Service) -> None:
    light, dark = open_page("light"), open_page("dark")
    for page in (light, dark):
        open_lineage(page, shop)
    assert ground(dark) < 80 < 200 < ground(light)

    dark.get_by_role("button", name="Switch to light colours").click()
    expect(dark.get_by_role("button", name="Switch to dark colours")).to_be_visible()
    assert ground(dark) > 200
    dark.reload()
    expect(dark.get_by_role("button", name="Switch to dark colours")).to_be_visible()


HOSTILE = {
    "markup": "<img src=x onerror=\"document.title='owned'\">",
    "script": "</title><script>document.title='owned'</script>",
    "attribute": '" onmouseover="document.title=\'owned\'" x="',
    "template": "{{7*7}} ${7*7} %3Cscript%3E",
    "address": "javascript:document.title='owned'",
    "entities": "&lt;b&gt; &amp;amp;",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_shown_as_the_text_it_is(page: Page, shop: Service, name: str) -> None:
    namespace = "hostile"
    urn = urn_of("dataset", namespace, name)
    described = facet("documentation", description=name)
    event = run_event(namespace, name, f"run {name}", inputs=["plain"])
    event["outputs"] = [
        dataset(namespace, name, documentation=described, schema=facet("schema", fields=[{"name": name}]))
    ]
    shop.graphql("{ status { positionProjected } }", min_position=shop.accept(event))

    open_lineage(page, shop, urn, "cols=1")

    last = re.split(r"[.]", name)[-1] if not name.startswith("/") else name
    expect(page.get_by_role("heading", level=1)).to_contain_text(last)
    expect(page.get_by_role("complementary", name="Details")).to_contain_text(name)
    expect(page.get_by_role("article")).to_have_count(2)
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="What feeds what")).to_be_visible()
    page.keyboard.press("/")
    page.get_by_role("combobox").fill(name[:12])
    expect(page.get_by_role("option").first).to_be_visible()
    assert page.locator("main img, main script, [onmouseover], [onerror], a[href^='javascript']").count() == 0
    assert "owned" not in page.title() or page.title().startswith(last[:5])


def test_a_name_cannot_turn_around_the_text_that_is_shown(page: Page, shop: Service) -> None:
    position = shop.accept(documented("bidi", "invoice\u202efdp_exe", "right to left", 1))
    shop.graphql("{ status { positionProjected } }", min_position=position)

    page.goto(shop.url + "/ui/catalogue?type=Dataset&q=invoice")
    link = page.get_by_role("link", name="invoice").first
    expect(link).to_be_visible()

    assert "\u202e" not in link.inner_text()


def test_an_unknown_urn_says_so(page: Page, shop: Service) -> None:
    page.goto(lineage_address(shop.url, urn_of("dataset", WAREHOUSE, "no.such.table")))

    expect(page.get_by_text("Nobody has told this server about it")).to_be_visible()


def test_a_link_to_a_column_opens_its_dataset_with_the_path(page: Page, shop: Service) -> None:
    column = urn_of("column", WAREHOUSE, "analytics.marts.fct_orders", "revenue_eur")

    page.goto(lineage_address(shop.url, column))

    expect(page.get_by_text("Path of")).to_be_visible()
    expect(page).to_have_url(re.compile("[?&]col=column"))
