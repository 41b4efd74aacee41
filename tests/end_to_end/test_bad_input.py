"""What is malformed is refused with a reason, kept as a dead letter and harms nothing; what is odd passes."""

import copy
import gzip
import json
import re
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest

from tests.end_to_end.events import dataset_event, facet, new_run_id, run_event
from tests.end_to_end.graph_reading import find
from tests.end_to_end.service import BATCH, LINEAGE, Event, Service, wait_until

MEGABYTE = 1 << 20
SMALL_BODY_SECONDS = 0.5
"""Ten times the 50 ms that a refusal may take on a quiet machine."""

NAMESPACE = "bad://input"
REMOVED = object()


def good() -> Event:
    """An event that is taken; each malformed one differs from it in one thing."""
    return run_event(NAMESPACE, "job", new_run_id(), inputs=["a"], outputs=["b"])


def changed(path: str, value: Any) -> bytes:
    """The good event with the value at a dotted path replaced, or taken out where it is REMOVED."""
    event = copy.deepcopy(good())
    place: Any = event
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in parents:
        place = place[step]
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return json.dumps(event).encode()


def text(replaced: str, by: str) -> bytes:
    """The good event's JSON with a piece of its text replaced."""
    whole = json.dumps(good())
    assert replaced in whole
    return whole.replace(replaced, by, 1).encode()


def nested(depth: int) -> bytes:
    """The good event with a facet that makes it nest `depth` deep."""
    inner = "[" * (depth - 4) + "1" + "]" * (depth - 4)
    event = json.dumps({**good(), "run": {"runId": new_run_id(), "facets": {"deep": "HERE"}}})
    return event.replace('"HERE"', '{"deeper": ' + inner + "}").encode()


def as_dataset_event(dataset: Any) -> bytes:
    return json.dumps({**dataset_event(NAMESPACE, "a"), "dataset": dataset}).encode()


@dataclass(frozen=True, slots=True)
class Malformed:
    """A body that must be refused. `place` is where the fault is, None where it is the body as a whole.

    `readable` says that the body can be shown to a person in the list of dead letters.
    """

    title: str
    body: bytes
    place: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (400, 422)
    readable: bool = True


def of_field(path: str, value: Any, title: str) -> Malformed:
    return Malformed(f"{path} {title}", changed(path, value), path)


def malformed_bodies() -> Iterator[Malformed]:
    valid = json.dumps(good()).encode()
    yield Malformed("empty body", b"", readable=False)
    yield Malformed("white space only", b" \n\t ", readable=False)
    yield Malformed("no JSON", b"hello")
    yield Malformed("JSON cut off", valid[:-20])
    yield Malformed("two documents", valid + json.dumps(good()).encode())
    yield Malformed("two lines", valid + b"\n" + json.dumps(good()).encode() + b"\n")
    yield Malformed("text after the document", valid + b" and more")
    yield Malformed("comma after the last member", valid[:-1] + b",}")
    yield Malformed("single quotes", valid.replace(b'"', b"'"))
    yield Malformed("comment", b"/* an event */" + valid)
    yield Malformed("array", b"[" + valid + b"]")
    yield Malformed("string", b'"event"')
    yield Malformed("number", b"12")
    yield Malformed("null", b"null")
    yield Malformed("boolean", b"true")
    yield Malformed("NaN", text('"inputs"', '"x": NaN, "inputs"'))
    yield Malformed("Infinity", text('"inputs"', '"x": Infinity, "inputs"'))
    yield Malformed("minus Infinity", text('"inputs"', '"x": -Infinity, "inputs"'))
    yield Malformed("hexadecimal number", text('"inputs"', '"x": 0x1F, "inputs"'))
    yield Malformed("raw NUL in a string", text('"job"', '"jo\x00b"'))
    yield Malformed("raw line feed in a string", text(NAMESPACE, "bad\n"))
    yield Malformed("UTF-16", json.dumps(good()).encode("utf-16"), readable=False)
    yield Malformed("UTF-16 without a mark", json.dumps(good()).encode("utf-16-le"), readable=False)
    yield Malformed("UTF-32", json.dumps(good()).encode("utf-32"), readable=False)
    yield Malformed("Latin-1", valid.replace(b'"job"', b'"j\xf6b"', 1), readable=False)
    yield Malformed("UTF-8 cut inside a character", valid.replace(b"bad://", b"bad\xe2\x82", 1), readable=False)
    yield Malformed("overlong UTF-8", valid.replace(b"bad://", b"bad\xc0\xaf", 1), readable=False)
    yield Malformed("raw surrogate", valid.replace(b"bad://", b"bad\xed\xa0\x80", 1), readable=False)
    yield Malformed("escaped lone surrogate", text(NAMESPACE, "bad\\ud800"))
    twice = '"job": {"namespace": "bad://input", "name": "first"}, "job"'
    yield Malformed("a key twice", text('"job"', twice), "job")
    yield Malformed("a byte order mark", b"\xef\xbb\xbf" + valid)
    yield Malformed("65 levels", nested(65))
    yield Malformed("1,000 levels", nested(1000))
    yield Malformed("100,000 open brackets", b"[" * 100_000)
    yield Malformed("100,000 open objects", b'{"a":' * 100_000)
    yield Malformed("empty object", b"{}")
    yield Malformed("neither run nor job nor dataset", json.dumps(_without("run", "job", "schemaURL")).encode())
    yield of_field("run", REMOVED, "missing")
    yield of_field("run", None, "null")
    yield of_field("run", "run", "a string")
    yield of_field("run", [], "an array")
    yield of_field("run.runId", REMOVED, "missing")
    yield of_field("run.runId", None, "null")
    yield of_field("run.runId", 12, "a number")
    yield of_field("run.runId", "", "empty")
    yield of_field("run.facets", [1], "an array")
    yield of_field("job", REMOVED, "missing")
    yield of_field("job", None, "null")
    yield of_field("job", "job", "a string")
    yield of_field("job.name", REMOVED, "missing")
    yield of_field("job.name", None, "null")
    yield of_field("job.name", 12, "a number")
    yield of_field("job.name", "", "empty")
    yield of_field("job.name", "a\x00b", "with NUL")
    yield of_field("job.name", "a" * MEGABYTE, "of a megabyte")
    yield of_field("job.namespace", REMOVED, "missing")
    yield of_field("job.namespace", None, "null")
    yield of_field("job.facets", "none", "a string")
    yield of_field("eventTime", REMOVED, "missing")
    yield of_field("eventTime", None, "null")
    yield of_field("eventTime", 1772323200, "a number")
    yield of_field("eventTime", "", "empty")
    yield of_field("eventTime", "2026-03-01", "a bare date")
    yield of_field("eventTime", "2026-02-30T00:00:00Z", "a day that is not")
    yield of_field("eventTime", "2026-03-01T25:00:00Z", "an hour that is not")
    yield of_field("eventTime", "yesterday", "a word")
    yield of_field("eventType", "PAUSED", "an unknown word")
    yield of_field("eventType", 1, "a number")
    yield of_field("producer", REMOVED, "missing")
    yield of_field("producer", None, "null")
    yield of_field("inputs", {}, "an object")
    yield of_field("inputs", "a", "a string")
    yield of_field("inputs.0", None, "null")
    yield of_field("inputs.0", "a", "a string")
    yield of_field("inputs.0.name", REMOVED, "missing")
    yield of_field("inputs.0.name", None, "null")
    yield of_field("inputs.0.name", "", "empty")
    yield of_field("inputs.0.namespace", None, "null")
    yield of_field("inputs.0.facets", "none", "a string")
    yield of_field("outputs", 1, "a number")
    yield of_field("outputs.0.name", REMOVED, "missing")
    yield of_field("outputs.0.name", 1, "a number")
    yield of_field("outputs.0.namespace", REMOVED, "missing")
    yield Malformed("dataset null", as_dataset_event(None), "dataset")
    yield Malformed("dataset without a name", as_dataset_event({"namespace": NAMESPACE}), "dataset.name")
    zipped = gzip.compress(valid)
    gzipped = {"Content-Encoding": "gzip"}
    yield Malformed("gzip cut off", zipped[:-12], headers=gzipped, readable=False)
    broken = zipped[:40] + b"\x00\xff\x00\xff" + zipped[44:]
    yield Malformed("gzip with changed bytes", broken, headers=gzipped, readable=False)
    yield Malformed("gzip of no JSON", gzip.compress(b"hello"), headers=gzipped)
    for coding in ("br", "zstd", "compress", "rot13"):
        yield Malformed(
            f"{coding} body",
            b"\x01\x02\x03",
            headers={"Content-Encoding": coding},
            statuses=(415,),
            readable=False,
        )


def _without(*keys: str) -> Event:
    return {key: value for key, value in good().items() if key not in keys}


MALFORMED = list(malformed_bodies())


def same_place(told: str | None, meant: str) -> bool:
    """Whether two ways to write a path agree: `inputs[0].name`, `$.inputs[0].name`, `/inputs/0/name`."""
    return told is not None and re.findall(r"\w+", told) == re.findall(r"\w+", meant)


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.title)
def test_a_malformed_body_is_refused_with_field_and_reason(case: Malformed, shared_service: Service) -> None:
    started = time.monotonic()
    answer = shared_service.post(case.body, case.headers)
    elapsed = time.monotonic() - started
    assert_refused(answer, case.statuses)
    problem = answer.json()
    assert case.place is None or same_place(problem.get("field"), case.place), problem
    assert elapsed < SMALL_BODY_SECONDS


def assert_refused(answer: httpx.Response, statuses: tuple[int, ...]) -> None:
    """The answer is a problem document (RFC 9457) with one of these statuses, without our insides."""
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text[:1000]}"
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] and problem["title"] and problem["detail"]
    assert "Traceback" not in answer.text and ".py" not in answer.text


def dead_letters(service: Service) -> list[dict[str, Any]]:
    """All dead letters, page by page."""
    letters: dict[int, dict[str, Any]] = {}
    after: int | None = None
    query = """query($after: Int) {
        deadLetters(first: 50, after: $after) { id position receivedAt source reason field body } }"""
    while True:
        page = service.graphql(query, {"after": after})["deadLetters"]
        new = [letter for letter in page if letter["id"] not in letters]
        if not new:
            return list(letters.values())
        letters |= {letter["id"]: letter for letter in new}
        after = page[-1]["id"]


def test_what_was_refused_is_seen_among_the_dead_letters_and_the_service_goes_on(service: Service) -> None:
    for case in MALFORMED:
        assert_refused(service.post(case.body, case.headers), case.statuses)

    readable = [case for case in MALFORMED if case.readable]
    letters = dead_letters(service)
    bodies = [letter["body"] or "" for letter in letters]
    missing = [case.title for case in readable if not any(_shows(body, case) for body in bodies)]
    assert missing == []
    with_field = [case for case in readable if case.place]
    told = [(letter["field"], letter["body"] or "") for letter in letters]
    wrong = [
        case.title
        for case in with_field
        if not any(same_place(place, case.place or "") and _shows(body, case) for place, body in told)
    ]
    assert wrong == []
    assert all(letter["reason"] for letter in letters)
    assert service.graphql("{ status { deadLetters } }")["status"]["deadLetters"] == len(letters)

    assert service.client.get("/healthz").status_code == 200
    assert service.accept(good()) > 0


def _shows(body: str, case: Malformed) -> bool:
    """Whether a dead letter's text is that of the case, or begins so where it is long."""
    sent = gzip.decompress(case.body) if case.headers else case.body
    meant = sent.decode()
    return body == meant or (len(body) >= 100 and meant.startswith(body.rstrip("…")))


TAKEN: dict[str, bytes] = {
    "no schemaURL": changed("schemaURL", REMOVED),
    "a run id that is no UUID": changed("run.runId", f"nightly 2026-03-01 {new_run_id()}"),
    "a producer that is no URI": changed("producer", "my scheduler"),
    "no eventType": changed("eventType", REMOVED),
    "inputs null": changed("inputs", None),
    "no outputs": changed("outputs", REMOVED),
    "facets null": changed("run.facets", None),
    "an unknown member": changed("mood", {"good": True}),
    "a facet that breaks its own schema": changed("job.facets", {"sql": {"query": 5}}),
    "a facet that is no object": changed("job.facets", {"sql": "select 1"}),
    "schema fields without a name": changed("inputs.0.facets", {"schema": {"fields": [{"type": "INT"}, {}, None]}}),
    "column lineage fields null": changed("outputs.0.facets", {"columnLineage": {"fields": None}}),
    "a parent without a run": changed("run.facets", {"parent": {"run": {}, "job": None}}),
    "nanoseconds": changed("eventTime", "2026-03-01T00:00:00.123456789Z"),
    "an offset": changed("eventTime", "2026-03-01T10:00:00+10:00"),
    "no zone": changed("eventTime", "2026-03-01T10:00:00.5"),
    "a name of markup, emoji and right-to-left marks": changed("job.name", "<b>job</b> \U0001f4a1 \u202etxet"),
    "white space around": b"\r\n " + changed("run.runId", new_run_id()) + b"\n\n",
    "64 levels": nested(64),
}


@pytest.mark.parametrize("title", TAKEN)
def test_what_is_odd_but_readable_is_taken(title: str, shared_service: Service) -> None:
    answer = shared_service.post(TAKEN[title])
    assert answer.status_code in (200, 201), answer.text
    position = int(answer.headers["Andon-Position"])
    assert position > 0
    shared_service.graphql("{ status { positionProjected } }", min_position=position)


EITHER: dict[str, bytes] = {
    "a number beyond a double": text('"inputs"', '"x": 1e999, "inputs"'),
    "an integer of a thousand digits": text('"inputs"', f'"x": {"9" * 1000}, "inputs"'),
    "an integer beyond 64 bits": text('"inputs"', f'"x": {2**70}, "inputs"'),
    "a name of 8,000 characters": changed("job.name", "ä" * 8000),
    "10,000 facets": changed("run.facets", {f"facet_{number}": facet("many") for number in range(10_000)}),
    "the last microsecond": changed("eventTime", "9999-12-31T23:59:59.999999Z"),
    "a moment after the last": changed("eventTime", "9999-12-31T23:59:59.999999-14:00"),
    "a moment before the first": changed("eventTime", "0001-01-01T00:00:00+14:00"),
    "a leap second": changed("eventTime", "2016-12-31T23:59:60Z"),
    "a far offset": changed("eventTime", "2026-03-01T00:00:00+99:99"),
}


@pytest.mark.parametrize("title", EITHER)
def test_what_the_specification_leaves_open_is_taken_or_refused_but_never_breaks_the_service(
    title: str, service: Service
) -> None:
    answer = service.post(EITHER[title])
    if answer.status_code not in (200, 201):
        assert_refused(answer, (400, 413, 422))
    position = service.accept(good())
    assert service.graphql("{ status { positionProjected } }", min_position=position)
    urns = service.graphql("{ entities(first: 1000) { nodes { urn name facets } } }")
    assert urns["entities"]["nodes"]


def test_an_event_with_5000_inputs_is_taken_within_two_seconds(service: Service) -> None:
    event = run_event(NAMESPACE, "wide", new_run_id(), inputs=[f"input_{n}" for n in range(5000)], outputs=["wide"])
    started = time.monotonic()
    position = service.accept(event)
    assert time.monotonic() - started < 2
    query = """query($namespace: String!) {
        entity(type: "Job", namespace: $namespace, name: "wide") {
          ... on Job { inputs { urn } outputs { urn } } } }"""
    job = service.graphql(query, {"namespace": NAMESPACE}, position)["entity"]
    assert (len(job["inputs"]), len(job["outputs"])) == (5000, 1)


def test_unknown_facets_come_back_as_they_were_sent(shared_service: Service, namespace: str) -> None:
    strange = facet(
        "strange",
        big=2**60 + 1,
        negative=-(2**53) - 1,
        fraction=0.1,
        tiny=1e-300,
        nothing=None,
        truth=True,
        empty={"list": [], "object": {}, "text": ""},
        words='ünï \U0001f4a1 \u2028 </script> \\ " \u0001',
        order={"z": 1, "a": [{"y": 1, "b": [[2.5]]}]},
    )
    event = run_event(namespace, "job", new_run_id(), outputs=["out"])
    event["outputs"][0]["facets"]["andon_strange"] = strange
    event["job"]["facets"] = {"andon_strange": strange}
    position = shared_service.accept(event)
    shared_service.graphql("{ status { version } }", min_position=position)
    for kind, name in (("Dataset", "out"), ("Job", "job")):
        found = find(shared_service, kind, (namespace, name))
        assert found is not None
        kept = found["facets"]["andon_strange"]
        assert kept == strange
        assert json.dumps(kept) == json.dumps(strange), "the order of keys changed"


def test_unknown_facets_come_back_byte_for_byte(shared_service: Service, namespace: str) -> None:
    odd = '"price": 1.10, "many": 1E2, "word": "caf\\u00e9",   "none": [ ], "zero": -0.0'
    raw = f'{{{odd}, "big": {10**20}}}'
    event = run_event(namespace, "job", new_run_id(), outputs=["out"])
    event["outputs"][0]["facets"]["andon_raw"] = "HERE"
    answer = shared_service.post(json.dumps(event).replace('"HERE"', raw).encode())
    assert answer.status_code == 201, answer.text
    query = """query($namespace: String!) {
        entity(type: "Dataset", namespace: $namespace, name: "out") { facets } }"""
    read_at = {"Andon-Min-Position": answer.headers["Andon-Position"]}
    assert raw in shared_service.post_graphql(query, {"namespace": namespace}, read_at).text


def in_pieces(body: bytes) -> Iterator[bytes]:
    """A body without a length: the client sends it chunked."""
    for start in range(0, len(body), 100):
        yield body[start : start + 100]


def test_gzip_is_read_however_it_is_announced(shared_service: Service, namespace: str) -> None:
    def zipped() -> tuple[str, bytes]:
        run_id = new_run_id()
        return run_id, gzip.compress(json.dumps(run_event(namespace, "job", run_id)).encode(), 3)

    (plain, first), (chunked, second), (twice, third), (doubled, fourth) = (zipped() for _ in range(4))
    json_type = ("Content-Type", "application/json; charset=utf-8")
    coding = ("Content-Encoding", "gzip")
    client = shared_service.client
    answers = [
        client.post(LINEAGE, content=first, headers=[json_type, coding]),
        client.post(LINEAGE, content=in_pieces(second), headers=[json_type, coding]),
        client.post(LINEAGE, content=third, headers=[json_type, ("Content-Encoding", "gzip, gzip")]),
        client.post(LINEAGE, content=in_pieces(fourth), headers=[json_type, coding, coding]),
    ]
    assert [answer.status_code for answer in answers] == [201] * 4, [answer.text for answer in answers]
    last = max(int(answer.headers["Andon-Position"]) for answer in answers)
    states = [shared_service.run_state(namespace, run, last) for run in (plain, chunked, twice, doubled)]
    assert states == ["COMPLETE"] * 4


def test_a_chunked_plain_body_is_taken(shared_service: Service, namespace: str) -> None:
    body = json.dumps(run_event(namespace, "job", new_run_id())).encode()
    answer = shared_service.client.post(LINEAGE, content=in_pieces(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text


def test_a_batch_reports_what_was_wrong_with_each_event_and_takes_the_rest(service: Service) -> None:
    runs = [new_run_id() for _ in range(3)]
    events: list[Any] = [
        run_event(NAMESPACE, "batch", runs[0]),
        {**good(), "run": {}},
        run_event(NAMESPACE, "batch", runs[1]),
        "no event",
        {**good(), "eventTime": "2026-03-01"},
        None,
        run_event(NAMESPACE, "batch", runs[2]),
        run_event(NAMESPACE, "batch", runs[0]),
    ]
    answer = service.post_batch(events)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["status"] == "partial_success"
    summary = report["summary"]
    assert (summary["received"], summary["successful"], summary["failed"]) == (8, 4, 4)
    assert (summary["retriable"], summary["non_retriable"]) == (0, 4)
    failed = report["failed_events"]
    assert [item["index"] for item in failed] == [1, 3, 4, 5]
    assert all(item["reason"] and item["retriable"] is False for item in failed)
    assert "runId" in failed[0]["reason"] and "eventTime" in failed[2]["reason"]
    position = service.position()
    assert [service.run_state(NAMESPACE, run, position) for run in runs] == ["COMPLETE"] * 3
    assert len(dead_letters(service)) == 4


def test_a_batch_of_nothing_and_of_only_bad_events_is_answered(shared_service: Service) -> None:
    empty = shared_service.post(b"[]", path=BATCH)
    assert empty.status_code in (200, 204)
    bad = shared_service.post_batch([{}, 1])
    assert bad.status_code == 200
    assert bad.json()["summary"]["failed"] == 2
    assert bad.json()["summary"]["successful"] == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'"batch"', b"nonsense", b"[1, 2", b"[{}] []"],
    ids=lambda body: body.decode() or "empty",
)
def test_a_batch_that_is_no_array_is_refused(body: bytes, shared_service: Service) -> None:
    assert_refused(shared_service.post(body, path=BATCH), (400, 422))


def raw_connection(service: Service) -> socket.socket:
    url = httpx.URL(service.url)
    connection = socket.create_connection((url.host, url.port), timeout=10)
    connection.settimeout(10)
    return connection


def read_head(connection: socket.socket) -> bytes:
    """What the service sends, at least to the end of the answer's head."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece
    return received


def test_a_body_announced_as_too_long_is_refused_before_it_is_sent(shared_service: Service) -> None:
    with raw_connection(shared_service) as connection:
        started = time.monotonic()
        connection.sendall(
            f"POST {LINEAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {20 * MEGABYTE}\r\n\r\n".encode()
        )
        head = read_head(connection)
        assert time.monotonic() - started < 2
    assert head.startswith(b"HTTP/1.1 413"), head[:200]
    assert b"application/problem+json" in head


def test_a_chunked_body_is_refused_once_it_is_too_long(shared_service: Service) -> None:
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with raw_connection(shared_service) as connection:
        connection.sendall(
            f"POST {LINEAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        sent = 0
        while sent < 40 * MEGABYTE and not select.select([connection], [], [], 0)[0]:
            connection.sendall(piece)
            sent += 0x10000
        head = read_head(connection)
    assert head.startswith(b"HTTP/1.1 413"), head[:200]
    assert sent < 40 * MEGABYTE


def test_a_body_of_20_megabytes_is_refused_and_one_just_below_10_is_read(service: Service) -> None:
    long = {**good(), "padding": "x" * (20 * MEGABYTE)}
    try:
        answer = service.post_event(long)
    except httpx.WriteError:
        pass  # the answer came and the connection was closed while the client was still sending
    else:
        assert_refused(answer, (413,))
    assert service.accept({**good(), "padding": "x" * (10 * 1000 * 1000 - 2000)}) > 0
    assert [letter["body"] for letter in dead_letters(service) if letter["body"]] == []


class PeakMemory:
    """The most memory that a process held while the block ran, and what it held before, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self.peak = 0

    def __enter__(self) -> "PeakMemory":
        self.before = self.peak = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.peak = max(self.peak, self._process.memory_info().rss)


def gzip_of(start: bytes, filler: bytes, megabytes: int, end: bytes) -> bytes:
    """A gzip stream made piece by piece, so that the test does not hold what it unpacks to."""
    parts = [
        gzip.compress(start),
        gzip.compress(filler * (MEGABYTE // len(filler))) * megabytes,
        gzip.compress(end),
    ]
    return b"".join(parts)


BOMBS = {
    "a gigabyte of zeros": gzip_of(b"", b"\0", 1000, b""),
    "an event with 500 megabytes of blanks": gzip_of(json.dumps(good()).encode(), b" ", 500, b" "),
    "an event below 10 megabytes at a ratio of 1,000": gzip.compress(json.dumps(good()).encode() + b" " * 5_000_000),
    "gzip in gzip": gzip.compress(gzip.compress(b" " * (100 * MEGABYTE))),
}


@pytest.mark.parametrize("title", BOMBS)
def test_a_gzip_bomb_is_refused_without_being_unpacked(title: str, service: Service) -> None:
    for _ in range(20):
        service.accept(good())
    coding = "gzip, gzip" if title == "gzip in gzip" else "gzip"
    with PeakMemory(service.pid) as memory:
        answer = service.post(BOMBS[title], {"Content-Encoding": coding})
    assert_refused(answer, (400, 413, 422))
    assert memory.peak - memory.before < 50 * MEGABYTE
    assert service.accept(good()) > 0


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(service: Service) -> None:
    before = service.position()
    for _ in range(20):
        with raw_connection(service) as connection:
            connection.sendall(
                f"POST {LINEAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                'Content-Length: 1000\r\n\r\n{"eventTime": '.encode()
            )
    wait_until(lambda: service.client.get("/healthz").status_code == 200, 5, "the service answers")
    assert service.accept(good()) == before + 1
