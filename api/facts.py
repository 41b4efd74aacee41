"""The door for facts: `POST /api/v1/facts`, one JSON document, or many as NDJSON, one a line."""

from __future__ import annotations

from starlette.types import Scope

from api.bodies import JSON_MEDIA
from api.doors import Accept, Answer, Door, Split
from api.metrics import Metrics
from graph.journal import Journal
from ingest.facts import lines_of

SOURCE = "facts"
NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


class FactsDoor(Door):
    source = SOURCE
    media = JSON_MEDIA | NDJSON

    def __init__(self, journal: Journal, metrics: Metrics, max_body_bytes: int, accept: Accept, split: Split) -> None:
        super().__init__(journal, metrics, max_body_bytes)
        self._accept = accept
        self._split = split

    async def take(self, scope: Scope, body: bytes) -> Answer:
        if _media(scope) in NDJSON:
            return await self.take_many(body, self._split, lines_of)
        return await self.take_one(body, self._accept)


def _media(scope: Scope) -> str:
    named = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return str(named.decode("latin-1").partition(";")[0].strip().lower())
