"""OpenLineage's doors: `POST /api/v1/lineage` for one event and `/api/v1/lineage/batch` for an array of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.types import Scope

from api.doors import Accept, Answer, Door, Split
from api.metrics import Metrics
from graph.journal import Journal

SOURCE = "openlineage"


class EventDoor(Door):
    source = SOURCE

    def __init__(self, journal: Journal, metrics: Metrics, max_body_bytes: int, accept: Accept) -> None:
        super().__init__(journal, metrics, max_body_bytes)
        self._accept = accept

    async def take(self, scope: Scope, body: bytes) -> Answer:
        return await self.take_one(body, self._accept)


class BatchDoor(Door):
    source = SOURCE

    def __init__(self, journal: Journal, metrics: Metrics, max_body_bytes: int, split: Split) -> None:
        super().__init__(journal, metrics, max_body_bytes)
        self._split = split

    async def take(self, scope: Scope, body: bytes) -> Answer:
        return await self.take_many(body, self._split, _items)


def _items(body: bytes) -> Sequence[bytes]:
    return [bytes(it) for it in msgspec.json.decode(body, type=list[msgspec.Raw])]
