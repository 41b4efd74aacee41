"""A Chromium without a way out, and the addresses of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Route, sync_playwright

from api.page import STATIC
from tests.end_to_end.graph_reading import urn_of

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""As scripts/chromium looks for them."""

WAREHOUSE = "snowflake://kanban-shop"
FCT_ORDERS = urn_of("dataset", WAREHOUSE, "analytics.marts.fct_orders")


def chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def why_not() -> str | None:
    """What is missing to see the page, and how to get it."""
    if not (STATIC / "index.html").is_file():
        return "the page is not built: make ui"
    if chromium() is None:
        return "there is no Chromium: scripts/chromium installs it, or says how"
    return None


@contextmanager
def browser() -> Iterator[Browser]:
    """Raises `RuntimeError` where there is nothing to see the page with."""
    if (why := why_not()) is not None:
        raise RuntimeError(why)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@dataclass  # no slots: Playwright keeps its wrappers of the handlers on the instance
class Watch:
    """What a page did that it must not do."""

    faults: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.context.route("**/*", self._route)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _route(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost", None):
            route.continue_()
        else:
            self.faults.append(f"asked for {route.request.url}")
            route.abort()


def lineage_address(url: str, urn: str, query: str = "") -> str:
    return f"{url}/ui/lineage/{quote(urn, safe='')}" + (f"?{query}" if query else "")
