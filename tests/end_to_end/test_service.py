"""The service as operators and careful clients see it: health, metrics, keys, positions, pages, restarts."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.events import dataset_event, documented, moment, new_run_id, run_event
from tests.end_to_end.graph_reading import differing, everything, find, urn_of
from tests.end_to_end.keys import add_key, revoke_key
from tests.end_to_end.service import (
    BATCH,
    LINEAGE,
    REPOSITORY,
    Event,
    Service,
    run_andon,
    wait_until,
)

SCENARIOS = REPOSITORY / "tests" / "data" / "openlineage"


def test_health_and_readiness_answer_without_a_body_of_secrets(shared_service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        answer = shared_service.client.get(path)
        assert answer.status_code == 200
        assert len(answer.content) < 1000


def samples(service: Service) -> dict[str, float]:
    """All samples of the metrics page, by name and labels."""
    answer = service.client.get("/metrics", headers=service.headers())
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_are_prometheus_text_and_count_what_happens(service: Service) -> None:
    before = samples(service)
    assert any(name.startswith("andon_") for name in before)
    event = run_event("metrics://test", "job", new_run_id())
    position = service.accept(event)
    assert service.accept(event) == position
    assert service.post(b"nonsense").status_code == 400
    service.graphql("{ status { version } }", min_position=position)
    after = samples(service)
    changes = {name: value - before.get(name, 0) for name, value in after.items()}

    def change(name: str, outcome: str) -> float:
        return changes[f'{name}{{"outcome": "{outcome}"}}']

    outcomes = {outcome: change("andon_events_total", outcome) for outcome in ("accepted", "duplicate", "rejected")}
    assert outcomes == {"accepted": 1, "duplicate": 1, "rejected": 1}
    assert after["andon_journal_position{}"] == after["andon_projected_position{}"] == position


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_service_without_keys_does_not_listen_beyond_loopback(host: str, tmp_path: Path) -> None:
    refused = run_andon("serve", "--data", str(tmp_path / "data"), "--host", host, "--port", "0")
    assert refused.returncode not in (0, None)
    assert "listening on" not in refused.stdout
    assert "key" in refused.stderr and "Traceback" not in refused.stderr


def test_a_service_with_keys_listens_where_it_is_told(tmp_path: Path) -> None:
    key = add_key(tmp_path / "data", "all", "emit,read,write")
    with Service(tmp_path / "data", "--host", "0.0.0.0", key=key) as service:
        port = httpx.URL(service.url).port
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_two_services_do_not_share_a_data_directory(service: Service) -> None:
    second = run_andon("serve", "--data", str(service.data), "--port", "0")
    assert second.returncode not in (0, None)
    assert "listening on" not in second.stdout
    assert "Traceback" not in second.stderr
    assert service.accept(run_event("two://services", "job", new_run_id())) > 0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    """A service with keys, called without one, and a key for each scope."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    keys = {scope: add_key(data, f"{scope}er", scope) for scope in ("emit", "read", "write")}
    with Service(data) as service:
        yield service, keys


DESCRIBE = """mutation($urn: String!) { describe(urn: $urn, description: "Told by hand.") { position } }"""


def statuses(service: Service, key: str | None) -> dict[str, int]:
    """The HTTP status by what is wanted; an error FORBIDDEN of GraphQL counts as 403."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    event = run_event("auth://test", "job", new_run_id(), outputs=["out"])
    describe = {"query": DESCRIBE, "variables": {"urn": urn_of("dataset", "auth://test", "out")}}
    client = service.client
    return {
        "emit": client.post(LINEAGE, json=event, headers=headers).status_code,
        "emit batch": client.post(BATCH, json=[event], headers=headers).status_code,
        "read": graphql_status(client.post("/graphql", json={"query": "{ status { version } }"}, headers=headers)),
        "write": graphql_status(
            client.post("/graphql", json=describe, headers={**headers, "X-Andon-Csrf": "1"}),
        ),
        "metrics": client.get("/metrics", headers=headers).status_code,
    }


def graphql_status(answer: httpx.Response) -> int:
    """The status of a GraphQL answer; an error in an answer of 200 counts by its code."""
    if answer.status_code != 200:
        return answer.status_code
    codes = {error["extensions"]["code"] for error in answer.json().get("errors") or ()}
    assert codes <= {"FORBIDDEN", "UNAUTHENTICATED"}, answer.text
    return 403 if "FORBIDDEN" in codes else 401 if codes else 200


def test_each_scope_opens_what_it_names_and_nothing_else(guarded: tuple[Service, dict[str, str]]) -> None:
    service, keys = guarded
    emit = statuses(service, keys["emit"])
    assert (emit["emit"], emit["emit batch"], emit["read"], emit["write"]) == (201, 200, 403, 403)
    read = statuses(service, keys["read"])
    assert (read["emit"], read["emit batch"], read["read"], read["write"]) == (403, 403, 200, 403)
    write = statuses(service, keys["write"])
    assert (write["emit"], write["emit batch"]) == (403, 403)
    assert write["write"] == 200


@pytest.mark.parametrize("key", [None, "wrong", "Ünicode".encode().decode("latin-1"), "x" * 5000, "andon_00000000_x"])
def test_without_a_right_key_only_health_answers(key: str | None, guarded: tuple[Service, dict[str, str]]) -> None:
    service, _ = guarded
    headers = [] if key is None else [(b"Authorization", b"Bearer " + key.encode("latin-1"))]
    client = service.client
    event = run_event("auth://test", "job", new_run_id())
    answers = {
        LINEAGE: client.post(LINEAGE, json=event, headers=headers),
        BATCH: client.post(BATCH, json=[event], headers=headers),
        "/graphql": client.post("/graphql", json={"query": "{ status { version } }"}, headers=headers),
        "/metrics": client.get("/metrics", headers=headers),
    }
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert all("Bearer" in answer.headers["WWW-Authenticate"] for answer in answers.values())
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_a_revoked_key_is_refused_by_the_running_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first, second = add_key(data, "first", "emit,read"), add_key(data, "second", "emit,read")
    with Service(data, key=first) as service:
        assert service.accept(run_event("auth://test", "job", new_run_id())) > 0
        revoke_key(data, "first")
        event = run_event("auth://test", "job", new_run_id())
        wait_until(lambda: service.post_event(event).status_code == 401, 10, "the revoked key is refused")
        service.key = second
        assert service.accept(event) > 0
        listed = run_andon("keys", "list", "--data", str(data)).stdout
    assert "first" in listed and "second" in listed
    assert first not in listed and second not in listed


def test_secrets_of_keys_are_neither_logged_nor_stored(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = add_key(data, "all", "emit,read,write")
    with Service(data, key=key) as service:
        service.accept(run_event("auth://test", "job", new_run_id()))
        service.client.get(f"/healthz?api_key={key}", headers=service.headers())
        printed = service.printed()
    assert key not in printed
    secret = key.rsplit("_", 1)[-1].encode()
    assert [path for path in data.rglob("*") if path.is_file() and secret in path.read_bytes()] == []


def test_writes_answer_their_position_and_a_read_at_that_position_shows_them(
    shared_service: Service, namespace: str
) -> None:
    positions = []
    for number in range(30):
        run_id = new_run_id()
        positions.append(shared_service.accept(run_event(namespace, f"job_{number}", run_id)))
        assert shared_service.run_state(namespace, run_id, positions[-1]) == "COMPLETE"
    assert positions == sorted(set(positions))


def test_the_same_event_sixteen_times_at_once_is_stored_once(service: Service) -> None:
    service.accept(run_event("warm://up", "job", new_run_id()))
    for _ in range(5):
        before = service.position()
        body = json.dumps(run_event("same://time", "job", new_run_id())).encode()
        barrier = Barrier(16)

        def post(body: bytes = body, barrier: Barrier = barrier) -> tuple[int, str]:
            barrier.wait(10)
            answer = httpx.post(service.url + LINEAGE, content=body, headers={"Content-Type": "application/json"})
            return answer.status_code, answer.headers["Andon-Position"]

        with ThreadPoolExecutor(16) as pool:
            answers = [future.result() for future in [pool.submit(post) for _ in range(16)]]
        assert sorted(status for status, _ in answers) == [200] * 15 + [201]
        assert {position for _, position in answers} == {str(before + 1)}
        assert service.position() == before + 1


def test_the_same_event_written_differently_is_the_same_event(service: Service) -> None:
    event = run_event("same://content", "job", new_run_id(), inputs=["a"], outputs=["b"])
    first = service.accept(event)
    for body in (
        json.dumps(event, indent=3),
        json.dumps(event, sort_keys=True),
        json.dumps(dict(reversed(event.items()))),
    ):
        answer = service.post(body.encode())
        assert (answer.status_code, answer.headers["Andon-Position"]) == (200, str(first))
    assert service.post(json.dumps({**event, "eventTime": moment(1)}).encode()).status_code == 201


def test_a_browser_finds_graphiql_where_clients_post(shared_service: Service) -> None:
    answer = shared_service.client.get("/graphql", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "graphiql" in answer.text.lower()


def test_graphql_says_what_is_wrong_with_a_query_and_shows_no_insides(shared_service: Service) -> None:
    wrong = {
        "no such field": "{ nothing }",
        "no query": "{",
        "two pasts": '{ entities(asOf: {position: 1, known: "2026-03-01T00:00:00Z"}) { totalCount } }',
        "a page too large": "{ entities(first: 100000) { totalCount } }",
        "a page below nothing": "{ entities(first: -1) { totalCount } }",
        "a cursor of nobody": '{ entities(after: "nonsense") { totalCount } }',
        "a time that is none": '{ entities(asOf: {valid: "yesterday"}) { totalCount } }',
    }
    for what, query in wrong.items():
        answer = shared_service.post_graphql(query)
        assert answer.status_code in (200, 400), f"{what}: {answer.status_code} {answer.text}"
        errors = answer.json()["errors"]
        assert errors and errors[0]["message"], what
        assert "Traceback" not in answer.text and 'File "' not in answer.text, what


def test_what_is_not_there_is_null_and_not_an_error(shared_service: Service) -> None:
    answer = shared_service.graphql(
        '{ entity(urn: "urn:andon:dataset:no:such") { urn } node(id: "urn:andon:dataset:no:such") { id } }'
    )
    assert answer == {"entity": None, "node": None}


PAGES = """
query($namespace: String!, $first: Int!, $after: String, $orderBy: EntityOrder, $asOf: AsOf) {
  entities(type: "Dataset", filter: {namespaces: [$namespace]}, first: $first, after: $after,
           orderBy: $orderBy, asOf: $asOf) {
    edges { cursor node { urn name } } nodes { urn } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
"""


def pages(service: Service, namespace: str, first: int, **more: Any) -> Iterator[dict[str, Any]]:
    """The pages of a namespace's datasets, one after the other."""
    after: str | None = None
    while True:
        variables = {"namespace": namespace, "first": first, "after": after, **more}
        page = service.graphql(PAGES, variables, service.position())["entities"]
        yield page
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


@pytest.fixture(scope="module")
def library(shared_service: Service) -> str:
    """A namespace with 57 datasets whose names sort in awkward ways."""
    namespace = f"library://{new_run_id()}"
    names = [f"{prefix}{number}" for number in range(19) for prefix in ("Table_", "table ", "täble/")]
    events = [dataset_event(namespace, name, second) for second, name in enumerate(names)]
    assert shared_service.post_batch(events).json()["summary"]["successful"] == 57
    return namespace


@pytest.mark.parametrize("order", ["NAME", "CREATED_AT_DESC", "UPDATED_AT_DESC", None])
@pytest.mark.parametrize("first", [1, 10, 57, 58, 1000])
def test_pages_show_every_entity_once(shared_service: Service, library: str, order: str | None, first: int) -> None:
    seen: list[str] = []
    for page in pages(shared_service, library, first, orderBy=order):
        assert page["totalCount"] == 57
        assert [edge["node"]["urn"] for edge in page["edges"]] == [node["urn"] for node in page["nodes"]]
        cursors = [edge["cursor"] for edge in page["edges"]]
        assert [page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]] == [cursors[0], cursors[-1]]
        assert page["pageInfo"]["hasPreviousPage"] == bool(seen)
        seen += [edge["node"]["urn"] for edge in page["edges"]]
    assert len(seen) == len(set(seen)) == 57


def test_pages_by_name_are_in_order(shared_service: Service, library: str) -> None:
    names = [
        edge["node"]["name"] for page in pages(shared_service, library, 10, orderBy="NAME") for edge in page["edges"]
    ]
    assert names in (sorted(names), sorted(names, key=str.lower), sorted(names, key=str.casefold))


def test_pages_by_name_lose_nothing_while_more_is_written(shared_service: Service, namespace: str) -> None:
    known = {f"table_{number:03}" for number in range(0, 60, 2)}
    shared_service.post_batch([dataset_event(namespace, name) for name in sorted(known)])
    seen: list[str] = []
    for number, page in enumerate(pages(shared_service, namespace, 7, orderBy="NAME")):
        seen += [edge["node"]["name"] for edge in page["edges"]]
        shared_service.accept(dataset_event(namespace, f"table_{(number * 17) % 60 | 1:03}"))
    assert len(seen) == len(set(seen))
    assert known <= set(seen)


def scenario(*names: str) -> list[Event]:
    return [json.loads(line) for name in names for line in (SCENARIOS / f"{name}.ndjson").read_text().splitlines()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", [("spark", "flink", "failures"), ("lifecycles", "explicit", "others")], ids="-".join)
def test_as_of_a_position_answers_as_a_service_did_that_had_heard_no_more(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    events = scenario(*names)
    with Service(tmp_path / "whole") as whole, Service(tmp_path / "growing") as growing:
        assert whole.accept_all(events) == len(events)
        wrong = {}
        for event in events:
            position = growing.accept(event)
            then = everything(growing, position, with_evidence=True)
            now = everything(whole, as_of={"position": position}, with_evidence=True)
            if differing(then, now):
                wrong[position] = differing(then, now)
    assert wrong == {}


def test_as_of_a_known_moment_answers_as_then(service: Service) -> None:
    def description(as_of: dict[str, Any] | None) -> str | None:
        query = """query($asOf: AsOf) {
            entity(type: "Dataset", namespace: "known://test", name: "table", asOf: $asOf) {
              description } }"""
        entity = service.graphql(query, {"asOf": as_of}, service.position())["entity"]
        return None if entity is None else str(entity["description"])

    service.accept(documented("known://test", "table", "first", second=10))
    assert description(None) == "first"
    between = now_text()
    service.accept(documented("known://test", "table", "second", second=20))
    service.accept(documented("known://test", "table", "late", second=5))
    assert description(None) == "second"
    assert description({"known": between}) == "first"
    assert description({"valid": moment(15)}) == "first"
    assert description({"valid": moment(7)}) == "late"
    assert description({"valid": moment(7), "known": between}) is None
    assert description({"valid": moment(4)}) is None


def now_text() -> str:
    """This moment; the clock is given the time to move on, so that what follows is later than it."""
    started = time.time_ns() // 1000
    while time.time_ns() // 1000 <= started + 1000:
        pass
    seconds, micros = divmod(started + 500, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{micros:06}Z"


def test_the_graph_is_the_same_after_a_clean_restart_and_after_a_kill(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        position = service.accept_all(scenario("spark", "dbt", "lifecycles"))
        before = everything(service, position, with_evidence=True)
        service.restart()
        assert differing(before, everything(service, position, with_evidence=True)) == {}
        service.kill()
        service.start()
        assert differing(before, everything(service, position, with_evidence=True)) == {}


def test_the_graph_rebuilt_from_the_journal_is_the_same(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        service.accept_all(scenario("spark", "flink", "failures", "lifecycles", "explicit", "others"))
        service.post_graphql(
            DESCRIBE,
            {"urn": urn_of("dataset", "hive://metastore:9083", "sales.orders")},
            {"X-Andon-Csrf": "1"},
        )
        position = service.position()
        before = everything(service, position, with_evidence=True)
        service.stop()
        rebuilt = run_andon("rebuild", "--data", str(service.data))
        assert rebuilt.returncode == 0, rebuilt.stderr
        service.start()
        assert service.position() == position
        assert differing(before, everything(service, position, with_evidence=True)) == {}


def test_the_journal_shows_what_was_sent(tmp_path: Path) -> None:
    run_id = new_run_id()
    with Service(tmp_path / "data") as service:
        service.accept(run_event("journal://tail", "first", new_run_id()))
        service.accept(run_event("journal://tail", "second", run_id))
    shown = run_andon("journal", "tail", "-n", "1", "--data", str(tmp_path / "data"))
    assert shown.returncode == 0, shown.stderr
    [line] = [json.loads(line) for line in shown.stdout.splitlines()]
    assert line["position"] == 2
    assert run_id in json.dumps(line)


def test_dead_letters_are_listed_and_stay_where_they_are_still_wrong(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        assert service.post_event({**run_event("dead://letter", "job", new_run_id()), "run": {}}).status_code == 400
    listed = run_andon("journal", "dead-letters", "list", "--data", str(tmp_path / "data"))
    [letter] = [json.loads(line) for line in listed.stdout.splitlines()]
    assert letter["field"] == "run.runId" and "dead://letter" in letter["body"]
    run_andon("journal", "dead-letters", "replay", "--data", str(tmp_path / "data"))
    again = run_andon("journal", "dead-letters", "list", "--data", str(tmp_path / "data"))
    assert len(again.stdout.splitlines()) == 1


def write_ahead_logs(data: Path) -> list[Path]:
    return [path for path in data.rglob("*-wal") if path.stat().st_size > 0]


@pytest.mark.parametrize("torn", ["half a frame more", "the last bytes gone"])
def test_a_torn_end_of_the_log_does_not_keep_the_service_from_opening(torn: str, tmp_path: Path) -> None:
    runs = [new_run_id() for _ in range(50)]
    with Service(tmp_path / "data") as service:
        for run_id in runs:
            service.accept(run_event("torn://log", "job", run_id))
        service.kill()
        logs = write_ahead_logs(service.data)
        assert logs, "the kill left no write-ahead log to tear"
        for log in logs:
            size = log.stat().st_size
            if torn == "half a frame more":
                with log.open("r+b") as file:
                    start = file.read(2000)
                    file.seek(0, os.SEEK_END)
                    file.write(start)
            else:
                os.truncate(log, size - 100)
        service.start()
        position = service.position()
        states = [service.run_state("torn://log", run_id, position) for run_id in runs]
        kept = 50 if torn == "half a frame more" else 49
        assert states[:kept] == ["COMPLETE"] * kept
        again = new_run_id()
        assert (
            service.run_state("torn://log", again, service.accept(run_event("torn://log", "job", again))) == "COMPLETE"
        )


def test_mutations_need_the_csrf_header_and_change_what_people_say(service: Service) -> None:
    service.accept(documented("people://say", "table", "Told by a machine."))
    urn = urn_of("dataset", "people://say", "table")
    refused = service.post_graphql(DESCRIBE, {"urn": urn})
    assert refused.status_code >= 400 or refused.json().get("errors"), refused.text
    answer = service.post_graphql(DESCRIBE, {"urn": urn}, {"X-Andon-Csrf": "1"}).json()
    assert not answer.get("errors"), answer
    position = answer["data"]["describe"]["position"]
    service.graphql("{ status { version } }", min_position=position)
    query = "query($urn: String!) { entity(urn: $urn) { description } }"
    assert service.graphql(query, {"urn": urn})["entity"]["description"] == "Told by hand."
    service.accept(documented("people://say", "table", "Told by a machine, later.", second=60))
    last = service.position()
    assert service.graphql(query, {"urn": urn}, last)["entity"]["description"] == "Told by hand."


def test_a_form_cannot_ask_or_change_anything(service: Service) -> None:
    query = {"query": "{ status { version } }"}
    form = service.client.post("/graphql", data=query)
    assert form.status_code in (400, 415), form.text
    text = service.client.post(
        "/graphql", content=json.dumps(query), headers={"Content-Type": "text/plain", "X-Andon-Csrf": "1"}
    )
    assert text.status_code in (400, 415), text.text


def test_a_redacted_event_loses_its_bytes_and_keeps_its_place(service: Service) -> None:
    secret = "hunter2-correct-horse"
    position = service.accept(documented("redact://test", "table", secret))
    other = service.accept(documented("redact://test", "other", "Fine."))
    mutation = 'mutation($position: Int!) { redact(position: $position, reason: "a password") { position } }'
    answer = service.post_graphql(mutation, {"position": position}, {"X-Andon-Csrf": "1"}).json()
    assert not answer.get("errors"), answer
    service.graphql("{ status { version } }", min_position=answer["data"]["redact"]["position"])
    found = find(service, "Dataset", ("redact://test", "table"))
    assert secret not in json.dumps(found)
    fine = find(service, "Dataset", ("redact://test", "other"))
    assert fine is not None and fine["facets"]["documentation"]["description"] == "Fine."
    assert service.position() > other
    service.restart()
    assert secret not in json.dumps(everything(service, service.position()))
    nowhere = service.post_graphql(mutation, {"position": 99_999_999}, {"X-Andon-Csrf": "1"})
    assert nowhere.json()["errors"], nowhere.text


def test_unknown_paths_and_methods_are_answered_as_such(shared_service: Service) -> None:
    client = shared_service.client
    assert client.get("/no/such/path").status_code == 404
    assert client.get(LINEAGE).status_code == 405
    assert client.delete("/graphql").status_code == 405
    assert client.post("/healthz").status_code == 405
