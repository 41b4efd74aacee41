"""A running service as commands see it, in front of one that answers as it is told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from api.remote import Remote
from graph.errors import InvalidInput, NotAllowed, Unavailable

Answer = tuple[int, dict[str, str], dict[str, Any]]


class Told(http.server.ThreadingHTTPServer):
    """Gives the answers in their order, the last one again and again; notes what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Told

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        status, headers, content = answers.pop(0) if len(answers) > 1 else answers[0]
        payload = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Told]:
    with Told() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


BUSY: Answer = (503, {"Retry-After": "0"}, {"detail": "the disk is busy"})


def test_a_document_is_told_with_the_key_and_its_position_comes_back(service: Told) -> None:
    service.answers = [(201, {"Andon-Position": "7"}, {}), (200, {"Andon-Position": "7"}, {})]

    with Remote(service.url, "k-1") as remote:
        assert remote.tell(b'{"id": "1"}') == (7, False)
        assert remote.tell(b'{"id": "1"}') == (7, True)

    assert [(path, body) for path, _, body in service.asked] == [("/api/v1/facts", {"id": "1"})] * 2
    assert service.asked[0][1]["Authorization"] == "Bearer k-1"


def test_what_is_not_taken_for_the_moment_is_told_again_and_given_up_in_the_end(service: Told) -> None:
    service.answers = [BUSY, BUSY, (201, {"Andon-Position": "3"}, {}), BUSY]

    with Remote(service.url) as remote:
        assert remote.tell(b"{}") == (3, False)
        with pytest.raises(Unavailable, match="the disk is busy"):
            remote.tell(b"{}")

    assert len(service.asked) == 3 + 5


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ((400, {}, {"detail": "at: is no time", "field": "at"}), InvalidInput, "at: is no time"),
        ((403, {}, {"detail": "the key lacks a scope"}), NotAllowed, "lacks a scope; the key is the setting api_key"),
        ((500, {}, {"detail": "Andon failed"}), Unavailable, "answered 500: Andon failed"),
        ((302, {"Location": "https://elsewhere.example/"}, {}), Unavailable, "answered 302"),
    ],
)
def test_a_refusal_says_why(service: Told, answer: Answer, error: type[Exception], text: str) -> None:
    service.answers = [answer]

    with Remote(service.url, "k-1") as remote, pytest.raises(error, match=text):
        remote.tell(b"{}")

    assert len(service.asked) == 1


def test_an_error_of_a_question_names_its_field(service: Told) -> None:
    errors = [{"message": "first: expected 0 to 1000", "extensions": {"field": "first"}}]
    service.answers = [(200, {}, {"data": None, "errors": errors})]

    with Remote(service.url) as remote, pytest.raises(InvalidInput) as refused:
        remote.ask("{ status { version } }", {})

    assert refused.value.field == "first"


def test_entities_are_read_page_by_page(service: Told) -> None:
    def page(names: list[str], cursor: str | None) -> Answer:
        ends = {"hasNextPage": cursor is not None, "endCursor": cursor}
        return 200, {}, {"data": {"entities": {"nodes": [{"name": it} for it in names], "pageInfo": ends}}}

    service.answers = [page(["a", "b"], "2"), page(["c"], None)]

    with Remote(service.url) as remote:
        assert [it["name"] for it in remote.entities({"names": ["a"]}, "name")] == ["a", "b", "c"]

    assert [body["variables"]["after"] for _, _, body in service.asked] == [None, "2"]


def test_catching_up_waits_for_all_that_was_received(service: Told) -> None:
    service.answers = [
        (200, {}, {"data": {"status": {"positionReceived": 9}}}),
        (200, {}, {"data": {"status": {"version": "1"}}}),
    ]

    with Remote(service.url) as remote:
        remote.catch_up()

    assert service.asked[1][1]["Andon-Min-Position"] == "9"


def test_a_service_that_is_not_there_is_told(service: Told) -> None:
    with Remote("http://127.0.0.1:9") as remote, pytest.raises(Unavailable, match="does not answer"):
        remote.tell(b"{}")
