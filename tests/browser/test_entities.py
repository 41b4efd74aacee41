"""Entities of every kind on the page: what is said of them, in the ontology's words, and how one leads to another.

Every test fails, too, if its page logs an error, shows a dialog or asks for anything outside this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import facts
from tests.browser.browsing import FCT_ORDERS, lineage_address
from tests.browser.conftest import OpenPage
from tests.browser.facts import COST, HOSTILE, JANE, POLICY, SAID_AT, SHIPMENT, TERM, VERSION
from tests.end_to_end.graph_reading import urn_of
from tests.end_to_end.service import Service

POLLED = 20_000  # ms in which an open page has asked for the status more than once


@pytest.fixture(scope="module")
def estate(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that was told facts, and no events."""
    with Service(tmp_path_factory.mktemp("estate") / "data") as service:
        facts.tell(service, facts.ESTATE, "estate")
        yield service


def address(service: Service, urn: str, query: str = "") -> str:
    return f"{service.url}/ui/entity/{quote(urn, safe='')}" + (f"?{query}" if query else "")


def open_entity(page: Page, service: Service, urn: str, query: str = "") -> None:
    page.goto(address(service, urn, query))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def title(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def attributes(page: Page) -> dict[str, str]:
    """The table of attributes: label -> value as it is read."""
    rows = page.get_by_role("table", name="Attributes").get_by_role("row").all()
    return {it.get_by_role("rowheader").inner_text(): it.get_by_role("cell").inner_text() for it in rows}


def relation(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name=label, exact=True)


def types(service: Service, fields: str) -> dict[str, dict[str, Any]]:
    """By name, what the service tells of each class."""
    return {it["name"]: it for it in service.graphql(f"{{ types {{ name {fields} }} }}")["types"]}


def test_a_page_tells_everything_that_was_said(page: Page, estate: Service) -> None:
    open_entity(page, estate, VERSION)

    expect(title(page)).to_have_text("churn/3")
    main = page.get_by_role("main")
    expect(main.get_by_role("link", name="Model version", exact=True)).to_be_visible()
    for said in ("Retrained in January, with the returns", "jane.doe steward", "mlflow://kanban-shop"):
        expect(main).to_contain_text(said)
    expect(main.get_by_role("list", name="Tags").get_by_role("listitem")).to_have_text(["candidate", "tier: gold"])
    assert attributes(page) == {
        "Stage": "Production",
        "Version alias": "champion\njanuary",
        "Algorithm": "gradient boosting",
        "Artifact url": "s3://kanban-models/churn/3",
        "Metrics": '{\n  "auc": 0.931,\n  "recall": 0.82\n}',
    }
    for label, name in (("Trained on", "fct_orders"), ("Version of", "churn"), ("In domain", "sales")):
        expect(relation(page, label).get_by_role("link")).to_contain_text([name])


def test_relations_lead_from_page_to_page_and_read_both_ways(page: Page, estate: Service) -> None:
    open_entity(page, estate, VERSION)

    relation(page, "Trained on").get_by_role("link").click()
    expect(title(page)).to_have_text("fct_orders")
    expect(relation(page, "Has cost").get_by_role("link")).to_contain_text(["2026-01/warehouse"])
    expect(relation(page, "Governed by").get_by_role("link")).to_contain_text(["retention.orders"])
    relation(page, "Trained").get_by_role("link").click()
    expect(title(page)).to_have_text("churn/3")
    page.go_back()
    expect(title(page)).to_have_text("fct_orders")


def test_values_are_written_as_people_read_them(page: Page, estate: Service) -> None:
    open_entity(page, estate, COST)

    assert attributes(page) == {
        "Billed cost": "1,234.50 EUR",
        "Effective cost": "1,180.0042 EUR",
        "Billing currency": "EUR",
        "Charge period start": "1 Jan 2026, 00:00",
        "Charge period end": "1 Feb 2026, 00:00",
        "Charge category": "Usage",
        "Service name": "Snowflake",
    }
    open_entity(page, estate, POLICY)
    assert attributes(page)["Retention period"] == "3 years"
    link = page.get_by_role("link", name="https://example.com/policies/retention-orders")
    expect(link).to_have_attribute("rel", re.compile("noopener"))


def test_what_somebody_owns_stands_on_their_page(page: Page, estate: Service) -> None:
    open_entity(page, estate, JANE)

    expect(title(page)).to_have_text("Jane Doe")
    expect(relation(page, "Owns").get_by_role("link")).to_contain_text(["churn/3"])


def test_a_long_list_opens_on_demand(page: Page, estate: Service) -> None:
    open_entity(page, estate, POLICY)
    governed = relation(page, "Governs")
    many = 2 + len(facts.ARCHIVED)
    expect(governed.get_by_role("link")).to_have_count(12)

    governed.get_by_role("button", name=f"Show all {many}").click()
    expect(governed.get_by_role("link")).to_have_count(many)
    governed.get_by_role("button", name="Show fewer").click()
    expect(governed.get_by_role("link")).to_have_count(12)


def test_hostile_words_stay_words(page: Page, estate: Service) -> None:
    open_entity(page, estate, HOSTILE)

    expect(title(page)).to_have_text('<img src=x onerror="alert(1)">')
    expect(page.get_by_role("main")).to_contain_text("<script>alert(1)</script>")
    assert attributes(page) == {"Landing page": "javascript:alert(1)"}
    expect(page.locator("a[href^='javascript:']")).to_have_count(0)


def test_a_page_shows_what_was_known_at_a_moment(page: Page, estate: Service) -> None:
    at = "valid=2025-12-01T00:00Z"
    page.goto(address(estate, TERM, at))
    expect(title(page)).to_have_text("Nobody has told this server about it")
    page.get_by_role("button", name="Show the present").click()
    expect(title(page)).to_have_text("net revenue")
    expect(page).not_to_have_url(re.compile("valid="))

    later = estate.position()
    facts.tell(
        estate, [facts.entity("GlossaryTerm", TERM, attributes={"notation": ["NR"]})], "later", "2026-02-01T00:00:00Z"
    )
    open_entity(page, estate, TERM)
    assert attributes(page)["Notation"] == "NR"
    for query, said in (
        (f"valid={SAID_AT}", "5 Jan 2026, 08:00"),
        (f"position={later}", f"journal position {later:,}"),
    ):
        open_entity(page, estate, TERM, query)
        expect(page.get_by_text(f"You are looking at {said}.")).to_be_visible()
        assert "Notation" not in attributes(page)
    relation(page, "Defines").get_by_role("link").click()
    expect(title(page)).to_have_text("fct_orders")
    expect(page).to_have_url(re.compile(f"position={later}"))


def test_the_address_of_an_entity_leads_a_browser_to_its_page(page: Page, estate: Service) -> None:
    page.goto(f"{estate.url}/id/{quote(POLICY, safe='')}?valid={quote(SAID_AT, safe='')}")

    expect(title(page)).to_have_text("retention.orders")
    expect(page.get_by_text("You are looking at 5 Jan 2026, 08:00.")).to_be_visible()


def test_page_and_lineage_lead_to_each_other(page: Page, estate: Service) -> None:
    page.goto(lineage_address(estate.url, FCT_ORDERS, f"at={SAID_AT}"))
    page.get_by_role("complementary", name="Details").get_by_role("link", name="Everything about fct_orders").click()
    expect(title(page)).to_have_text("fct_orders")
    expect(page).to_have_url(re.compile(r"/entity/.*\?valid=2026-01-05"))

    page.get_by_role("link", name="Lineage", exact=True).click()
    expect(page.get_by_role("article", name="churn/3")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/lineage/.*\?at=2026-01-05"))
    open_entity(page, estate, POLICY)
    expect(page.get_by_role("link", name="Lineage", exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    ("typed", "option", "path"),
    [("retention", "retention.orders", "/ui/entity/"), ("fct_orders", "fct_orders", "/ui/lineage/")],
    ids=["a policy: its page", "a table: its lineage"],
)
def test_a_search_result_opens_the_right_view(page: Page, estate: Service, typed: str, option: str, path: str) -> None:
    page.goto(estate.url + "/ui/")
    expect(title(page)).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search the graph")).to_be_focused()
    page.keyboard.type(typed)
    expect(page.get_by_role("option", name=option).first).to_be_visible()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(path))
    expect(title(page)).to_contain_text(option)


def test_the_catalogue_lists_every_type_with_its_count(page: Page, estate: Service) -> None:
    page.goto(estate.url + "/ui/catalogue")
    listed = page.get_by_role("navigation", name="Types to choose from")
    expect(listed.get_by_role("button").first).to_be_visible()
    counts = {
        it["type"]: it["count"] for it in estate.graphql("{ status { counts { type count } } }")["status"]["counts"]
    }
    known = types(estate, "label keyClass")
    totals: dict[str, int] = {}
    for type, count in counts.items():
        key = known[type]["keyClass"]
        totals[key] = totals.get(key, 0) + count

    for key, total in totals.items():
        button = listed.get_by_role("button", name=f"{known[key]['label']} {total:,}", exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(title(page)).to_have_text(f"Catalogue: {known[key]['label']}")
        expect(page.get_by_role("status").filter(has_text="entit")).to_have_text(re.compile(rf"^{total} entit"))
        expect(page).to_have_url(re.compile(f"type={key}$"))
    listed.get_by_role("button", name=re.compile("^Policy ")).click()
    listed.get_by_role("button", name="Retention policy 1").click()
    expect(page.get_by_role("main").get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="retention.orders").click()
    expect(title(page)).to_have_text("retention.orders")


def test_a_type_without_entities_can_be_looked_for_and_says_so(page: Page, estate: Service) -> None:
    page.goto(estate.url + "/ui/catalogue")
    listed = page.get_by_role("navigation", name="Types to choose from")
    expect(listed.get_by_role("button", name="Incident 0")).to_have_count(0)

    listed.get_by_role("button", name="All types there can be").click()
    listed.get_by_role("button", name="Incident 0").click()
    expect(page.get_by_text("Nothing here matches")).to_be_visible()


def test_the_legend_has_every_class_with_what_it_means(page: Page, estate: Service) -> None:
    page.goto(estate.url + "/ui/legend")
    expect(page.get_by_role("heading", name="Dataset", exact=True)).to_be_visible()

    shown = page.get_by_role("main").inner_text()
    for type in types(estate, "label definition kind").values():
        if type["kind"] is not None:
            assert f"{type['label']}\n" in shown
            assert type["definition"] in shown
    page.get_by_role("textbox", name="Find a type").fill("cost")
    expect(page.get_by_role("heading", name="Cost item", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Dataset", exact=True)).to_have_count(0)
    page.get_by_role("link", name="1 entity of type Cost item: see the catalogue").click()
    expect(page.get_by_role("link", name="2026-01/warehouse")).to_be_visible()


def test_the_type_of_an_entity_leads_to_the_legend(page: Page, estate: Service) -> None:
    open_entity(page, estate, POLICY)
    page.get_by_role("main").get_by_role("link", name="Retention policy").click()

    expect(page.locator("#RetentionPolicy")).to_be_focused()
    expect(page.locator("#RetentionPolicy")).to_be_in_viewport()


def test_icons_and_colours_are_those_of_the_ontology(page: Page, estate: Service) -> None:
    page.goto(estate.url + "/ui/legend")
    expect(page.get_by_role("heading", name="Dataset", exact=True)).to_be_visible()

    for name, type in types(estate, "colour icon kind").items():
        if type["kind"] is not None:
            icon = page.locator(f"[id='{name}'] [data-icon]")
            expect(icon).to_have_attribute("data-icon", type["icon"])
            assert icon.evaluate("it => it.style.getPropertyValue('--type-colour')") == type["colour"]


def test_a_type_of_ones_own_appears_on_an_open_page_and_is_shown_like_any_other(page: Page, estate: Service) -> None:
    page.goto(estate.url + "/ui/legend")
    expect(page.get_by_role("heading", name="Dataset", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Shipment")).to_have_count(0)

    with page.expect_response(re.compile(r"/assets/icons-t-[\w-]+\.js$"), timeout=POLLED) as fetched:
        facts.teach(estate, "shipping", facts.SHIPPING)
        expect(page.get_by_role("heading", name="Shipment")).to_be_visible(timeout=POLLED)
    assert fetched.value.ok
    icon = page.locator("#Shipment [data-icon='truck-delivery'] path")
    neutral = page.evaluate("[...document.querySelectorAll('#Table [data-icon] path')].map(it => it.getAttribute('d'))")
    assert icon.count() > 2
    assert [it.get_attribute("d") for it in icon.all()] != neutral
    page.get_by_text("Yours", exact=True).click()
    expect(page.get_by_role("heading", level=3)).to_have_text(["Shipment"])
    expect(page.get_by_role("main")).to_contain_text("Goods in a hurry.")

    facts.tell(estate, [facts.EXPRESS], "express")
    open_entity(page, estate, SHIPMENT)
    expect(page.get_by_role("main").get_by_role("link", name="Express shipment")).to_be_visible()
    assert attributes(page) == {"Weight": "12.5"}
    relation(page, "Carries").get_by_role("link").click()
    expect(title(page)).to_have_text("fct_orders")
    expect(relation(page, "Carried by").get_by_role("link")).to_contain_text(["S-42"])
    page.goto(estate.url + "/ui/catalogue?type=Shipment")
    expect(page.get_by_role("link", name="S-42")).to_be_visible()


def test_from_the_catalogue_to_an_entity_and_on_by_the_keyboard_alone(page: Page, estate: Service) -> None:
    page.goto(estate.url + "/ui/catalogue?type=Policy")
    expect(page.get_by_role("link", name="retention.orders")).to_be_visible()

    page.get_by_role("textbox", name="Name contains").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="retention.orders")).to_be_focused()
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("retention.orders")
    page.get_by_role("button", name="Copy a link to this view").focus()
    for _ in range(2):  # past the landing page
        page.keyboard.press("Tab")
    expect(relation(page, "Governs").get_by_role("link").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("orders_2010")


@pytest.mark.parametrize(
    ("urn", "words"),
    [
        (urn_of("policy", "governance", "no such"), "Nobody has told this server about it"),
        ("urn:andon:nope", "The server could not answer this"),
    ],
    ids=["not there", "no urn"],
)
def test_what_cannot_be_shown_is_said_in_words(page: Page, estate: Service, urn: str, words: str) -> None:
    page.goto(address(estate, urn))

    expect(title(page)).to_have_text(words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen(open_page: OpenPage, estate: Service, scheme: str) -> None:
    page = open_page(scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    for path in (
        address(estate, VERSION),
        address(estate, POLICY),
        *(f"{estate.url}/ui/{it}" for it in ("", "legend", "catalogue")),
    ):
        page.goto(path)
        expect(title(page)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        widths = "it => [it.scrollWidth, it.clientWidth]"
        for box in ("main", "header"):
            needed, there = page.locator(f"{box} >> nth=0").evaluate(widths)
            assert needed <= there, f"{box} of {path} needs {needed} of {there}"
