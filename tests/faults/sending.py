"""Clients that send and send: each event until it is answered for, as clients of OpenLineage that may retry do."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx

from tests.end_to_end.events import dataset, facet, new_run_id, run_event
from tests.end_to_end.service import BATCH, LINEAGE, Event, Service

NAMESPACE = "fault://test"
DASHBOARDS = "looker://test"
ORDERS = "orders"
FAILS_EACH = 9
"""One run in so many fails, upstream of the dashboard."""

_CLIENTS = 4
_BATCH_OF = 3
_PAUSE = 0.15  # seconds between two events of one client
_PATIENCE = 5.0  # seconds for an answer
_LAST_TRIES = 90.0  # seconds in which what was begun must be answered for, once no more is sent


def event(number: int) -> Event:
    """A run as of now: some jobs copy tables on, one in `FAILS_EACH` fails to write what the dashboard shows."""
    fails = number % FAILS_EACH == 0
    target = ORDERS if fails else f"table_{number % 11}"
    made = run_event(
        NAMESPACE, f"job_{number % 7}", new_run_id(), "FAIL" if fails else "COMPLETE",
        inputs=[f"table_{(number + 3) % 11}"], outputs=[target],
    )  # fmt: skip
    return made | {"eventTime": datetime.now(UTC).isoformat()}


def seed() -> list[Event]:
    """The dashboard, its owner, and the table that it shows."""
    shown = dataset(DASHBOARDS, "sales", ownership=facet("ownership", owners=[{"name": "ana", "type": "OWNER"}]))
    made = run_event(NAMESPACE, "publish", new_run_id(), inputs=[ORDERS])
    return [made | {"outputs": [shown], "eventTime": datetime.now(UTC).isoformat()}]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request; `status` 0 is no answer. Seconds are of the monotonic clock."""

    at: float
    took: float
    status: int
    retry_after: int | None


@dataclass(slots=True)
class Sent:
    """All that was answered for: run id -> position, None for one of a batch."""

    runs: dict[str, int | None] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    """Those that say of themselves that they failed."""
    answers: list[Answer] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    def statuses(self, since: float = 0.0) -> Counter[int]:
        return Counter(it.status for it in list(self.answers) if it.at >= since)

    def accepted_since(self, moment: float) -> int:
        """How many requests were answered with success from then on."""
        return sum(it.at >= moment and 200 <= it.status < 300 for it in list(self.answers))


class Load:
    """Clients at work while the context lasts, each at the next of `services` that answers."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.sent = Sent()
        self._services = services
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(_CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _client(self, client: int) -> None:
        send = self._send_batch if client == 0 else self._send_one
        number = client
        with httpx.Client(timeout=_PATIENCE) as http:
            while not self._over.is_set():
                send(http, number)
                number += _CLIENTS
                self._over.wait(_PAUSE)

    def _send_one(self, http: httpx.Client, number: int) -> None:
        made = event(number)
        answer = self._until_answered(http, number, LINEAGE, json.dumps(made).encode(), [made])
        if answer is not None:
            self.sent.runs[made["run"]["runId"]] = int(answer.headers["Andon-Position"])

    def _send_batch(self, http: httpx.Client, number: int) -> None:
        made = [event(number * _BATCH_OF + it) for it in range(_BATCH_OF)]
        answer = self._until_answered(http, number, BATCH, json.dumps(made).encode(), made)
        if answer is not None:
            assert answer.json()["status"] == "success", answer.text
            self.sent.runs.update((it["run"]["runId"], None) for it in made)

    def _until_answered(
        self, http: httpx.Client, number: int, path: str, body: bytes, events: Sequence[Event]
    ) -> httpx.Response | None:
        tries, deadline = 0, None
        while True:
            service = self._services[(number + tries) % len(self._services)]
            tries += 1
            began = time.monotonic()
            try:
                answer = http.post(service.url + path, content=body, headers={"Content-Type": "application/json"})
            except (httpx.TransportError, httpx.UnsupportedProtocol):  # the latter: it has no address yet
                self._note(began, 0, None)
            else:
                retry = answer.headers.get("Retry-After")
                self._note(began, answer.status_code, int(retry) if retry else None)
                if answer.is_success:
                    self.sent.failed |= {it["run"]["runId"] for it in events if it["eventType"] == "FAIL"}
                    return answer
            if self._over.is_set():
                deadline = deadline or time.monotonic() + _LAST_TRIES
                if time.monotonic() > deadline:
                    self.sent.given_up += [it["run"]["runId"] for it in events]
                    return None
            time.sleep(0.1)

    def _note(self, began: float, status: int, retry_after: int | None) -> None:
        now = time.monotonic()
        self.sent.answers.append(Answer(now, now - began, status, retry_after))


def until_accepted(sent: Sent, count: int, wait: Callable[[Callable[[], bool], float, str], None]) -> None:
    """Wait until so many more requests were taken."""
    since = time.monotonic()
    wait(lambda: sent.accepted_since(since) >= count, 60, f"{count} more requests are taken")
