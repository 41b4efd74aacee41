"""The page's files, and what is said where they are not built."""

from pathlib import Path

import pytest

from api.page import Page
from tests.api.asgi import call


@pytest.fixture
def page(tmp_path: Path) -> Page:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>Andon</title>")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-B3xY_z12.js").write_text("1")
    return Page(tmp_path)


@pytest.mark.parametrize("path", ["/", "/lineage/urn:andon:dataset:a:b", "/nothing.html"])
def test_the_pages_own_routes_are_the_page_never_kept(page: Page, path: str) -> None:
    answer = call(page, "GET", path)

    assert (answer.status_code, answer.text) == (200, "<title>Andon</title>")
    assert answer.headers["cache-control"] == "no-cache"


def test_files_named_by_their_content_are_kept_for_good(page: Page) -> None:
    answer = call(page, "GET", "/assets/index-B3xY_z12.js")

    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert call(page, "GET", "/favicon.svg").headers["cache-control"] == "no-cache"


def test_a_file_that_is_gone_is_not_answered_by_the_page(page: Page) -> None:
    assert call(page, "GET", "/assets/index-OLD00000.js").status_code == 404


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd"])
def test_nothing_outside_its_folder_is_served(page: Page, tmp_path: Path, path: str) -> None:
    (tmp_path.parent / "secret").write_text("secret")

    assert "secret" not in call(page, "GET", path).text
    assert "root:" not in call(page, "GET", path).text


def test_where_it_is_not_built_it_says_how(tmp_path: Path) -> None:
    answer = call(Page(tmp_path / "nothing"), "GET", "/")

    assert answer.status_code == 404
    assert "make ui" in answer.text


def test_the_page_is_only_read(page: Page) -> None:
    assert call(page, "POST", "/").status_code == 405
