"""The web page under `/ui/`: the built bundle in `api/static`, or a word on how to build it."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).with_name("static")
_HASHED = re.compile(r"-[\w-]{8,}\.\w+$")  # the bundler puts a content hash into these names
_NOT_BUILT = """The page is not built.

In the source tree: make ui (needs Node.js 20 or later), then load this again.
Everything else works without it: GraphQL is at /graphql, OpenLineage events go to /api/v1/lineage.
"""


class Page:
    """An ASGI application, mounted at `/ui`: files as they are, every other path the page, which has routes
    of its own.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._index = folder / "index.html"
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._respond(scope)
        await response(scope, receive, send)

    def _respond(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("the page is read by GET", 405)
        if not self._index.is_file():
            return PlainTextResponse(_NOT_BUILT, 404)
        path = self._files.get_path(scope)
        found, stat = self._files.lookup_path(path)
        if stat is None or not Path(found).is_file():
            if path.startswith("assets/"):
                return PlainTextResponse("there is no such file", 404)
            return FileResponse(self._index, headers={"Cache-Control": "no-cache"})
        hashed = path.startswith("assets/") and _HASHED.search(path)
        caching = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return FileResponse(found, headers={"Cache-Control": caching})


def to_page(_request: Request) -> Response:
    """`/` and `/ui` lead to `/ui/`."""
    return RedirectResponse("/ui/", 307)
