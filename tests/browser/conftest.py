"""The demo estate in a service of the session, and a page a test that is watched for faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page

from examples.shop.load import load
from tests.browser.browsing import Watch, browser, why_not
from tests.end_to_end.service import Service

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    if (why := why_not()) is not None:
        pytest.skip(why)  # a failure under CI=true: see tests/conftest.py
    with browser() as launched:
        yield launched


@pytest.fixture(scope="module")
def shop(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demo estate up to this hour."""
    with Service(tmp_path_factory.mktemp("shop") / "data") as service:
        load(service.url, now=datetime.now(UTC))
        service.graphql("{ status { positionProjected } }", min_position=service.position())
        yield service


@pytest.fixture
def open_page(chrome: Browser) -> Iterator[OpenPage]:
    """Opens pages, each in a context of its own; at the end none may have done what it must not."""
    watch = Watch()
    contexts = []

    def open_page(color_scheme: str = "light") -> Page:
        context = chrome.new_context(
            viewport={"width": 1440, "height": 900},
            color_scheme=color_scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.faults == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()
