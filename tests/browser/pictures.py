"""Make the README's pictures: the lineage of `fct_orders` with its columns, light and dark.

    python -m tests.browser.pictures [FOLDER]

The folder is docs/images unless said otherwise. The estate ends at a fixed hour and the browser's clock stands
a little after it, so that the same page gives the same pictures.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, expect

from examples.shop.load import load
from tests.browser.browsing import FCT_ORDERS, browser, lineage_address
from tests.end_to_end.service import REPOSITORY, Service

FOLDER = REPOSITORY / "docs" / "images"
NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
SIZE = {"width": 1440, "height": 900}
SCHEMES = {"light": "lineage.png", "dark": "lineage-dark.png"}


def take(chrome: Browser, url: str, scheme: str, file: Path) -> None:
    context = chrome.new_context(
        viewport=SIZE,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    page = context.new_page()
    page.clock.set_fixed_time(NOW + timedelta(minutes=5))
    page.goto(lineage_address(url, FCT_ORDERS, "cols=1"))
    focus = page.get_by_role("article", name="fct_orders", exact=True)
    expect(focus.get_by_role("button", name="revenue_eur")).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate("document.fonts.ready")
    page.screenshot(path=file, animations="disabled")
    context.close()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, Service(Path(data) / "data") as service, browser() as chrome:
        load(service.url, now=NOW)
        service.graphql("{ status { positionProjected } }", min_position=service.position())
        for scheme, name in SCHEMES.items():
            take(chrome, service.url, scheme, folder / name)


if __name__ == "__main__":
    main()
