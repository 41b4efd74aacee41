"""The service as `api.app` ties it together, called without a network."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import Service
from api.auth import Keys, Scope
from api.settings import Settings
from graph.errors import Conflict
from graph.model import make_urn
from tests.api.asgi import call
from tests.api.events import encoded, run_event

ORDERS = make_urn("dataset", "postgres://shop", "shop.public.orders")
REVENUE = make_urn("dataset", "postgres://shop", "shop.public.revenue")
JOB = make_urn("job", "airflow", "copy")
JSON = {"Content-Type": "application/json"}

ROUTES = [
    ("POST", "/api/v1/lineage"),
    ("POST", "/api/v1/lineage/batch"),
    ("POST", "/graphql"),
    ("GET", "/graphql"),
    ("GET", "/graphql/editor.js"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/nothing"),
    ("PUT", "/api/v1/lineage"),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", journal_synchronous="OFF", position_wait=5)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = Service(settings)
    service.start()
    yield service
    service.stop()


def send(service: Service, event: dict[str, Any]) -> int:
    answer = call(service.asgi, "POST", "/api/v1/lineage", content=encoded(event), headers=JSON)
    assert answer.status_code in (200, 201), answer.text
    return int(answer.headers["andon-position"])


def ask(service: Service, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(service.asgi, "POST", "/graphql", json={"query": query, "variables": variables or {}}, headers=named)


def data(service: Service, query: str, variables: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = ask(service, query, variables, **headers).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]
    return found


def test_what_was_written_can_be_read_at_its_position(service: Service) -> None:
    for i in range(5):
        position = send(service, run_event(f"r{i}", eventTime=f"2026-01-15T0{i}:00:00Z"))

        lineage = data(
            service,
            "query($urns: [String!]!) { lineage(urns: $urns) { edges { source target via evidenceCount } } }",
            {"urns": [REVENUE]},
            Andon_Min_Position=str(position),
        )["lineage"]

        assert lineage["edges"] == [{"source": ORDERS, "target": REVENUE, "via": [JOB], "evidenceCount": i + 1}]


def test_a_position_that_does_not_come_is_503(settings: Settings) -> None:
    impatient = Service(Settings(data=settings.data, journal_synchronous="OFF", position_wait=0.05))
    impatient.start()
    answer = ask(impatient, "{ status { version } }", Andon_Min_Position="1")
    impatient.stop()

    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


def test_a_position_that_is_none_is_refused(service: Service) -> None:
    answer = ask(service, "{ status { version } }", Andon_Min_Position="soon")

    assert answer.json()["errors"][0]["extensions"] == {
        "code": "BAD_USER_INPUT",
        "field": "Andon-Min-Position",
    }


def test_people_tag_describe_own_and_retire(service: Service) -> None:
    position = send(service, run_event())
    csrf = {"X_Andon_Csrf": "1", "Andon_Min_Position": str(position)}
    fields = "entity { description tags { key value source } owners { name type } ... on Job { retired } }"

    def say(mutation: str, urn: str) -> dict[str, Any]:
        answer = data(service, f"mutation($urn: String!) {{ said: {mutation} {{ {fields} }} }}", {"urn": urn}, **csrf)
        entity: dict[str, Any] = answer["said"]["entity"]
        return entity

    tag = {"key": "pii", "value": "high", "source": "anonymous"}
    assert say('addTag(urn: $urn, key: "pii", value: "high")', ORDERS)["tags"] == [tag]
    assert say('describe(urn: $urn, description: "All orders")', ORDERS)["description"] == "All orders"
    owners = [{"name": "team:shop", "type": "STEWARD"}]
    assert say('setOwners(urn: $urn, owners: [{name: "team:shop", type: "STEWARD"}])', ORDERS)["owners"] == owners
    assert say("setOwners(urn: $urn, owners: [])", ORDERS)["owners"] == []
    assert say('removeTag(urn: $urn, key: "pii")', ORDERS)["tags"] == []
    edges = "query($urns: [String!]!) { lineage(urns: $urns) { edges { source } } }"
    assert say("retireJob(urn: $urn)", JOB)["retired"] is True
    assert data(service, edges, {"urns": [REVENUE]})["lineage"]["edges"] == []
    assert say("retireJob(urn: $urn, retired: false)", JOB)["retired"] is False
    assert data(service, edges, {"urns": [REVENUE]})["lineage"]["edges"] == [{"source": ORDERS}]


def test_a_mutation_needs_its_header_and_json(service: Service) -> None:
    send(service, run_event())
    mutation = f'mutation {{ addTag(urn: "{ORDERS}", key: "k") {{ position }} }}'

    without_header = ask(service, mutation)
    as_form = call(
        service.asgi,
        "POST",
        "/graphql",
        content=f"query={mutation}".encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "X-Andon-Csrf": "1"},
    )

    assert (without_header.status_code, as_form.status_code) == (403, 415)
    assert service.journal.last_position() == 1


def test_a_batch_of_operations_is_answered_in_order_and_bounded(service: Service) -> None:
    one = {"query": "{ status { positionReceived } }"}
    wrong = {"query": "{ nothing }"}

    answer = call(service.asgi, "POST", "/graphql", json=[one, wrong, one])
    too_many = call(service.asgi, "POST", "/graphql", json=[one] * 6)

    assert [list(part) for part in answer.json()] == [["data"], ["errors"], ["data"]]
    assert too_many.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"7", b"[]", b'{"query": 1}', b'{"query": "{a}", "variables": 1}', b"\xff"]
)
def test_a_request_that_is_none_is_the_callers_mistake(service: Service, body: bytes) -> None:
    answer = call(service.asgi, "POST", "/graphql", content=body, headers=JSON)

    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_status_follows_graphql_over_http(service: Service) -> None:
    modern = {"Accept": "application/graphql-response+json"}

    old, new = ask(service, "{ nothing }"), ask(service, "{ nothing }", **modern)

    assert (old.status_code, old.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert new.status_code == 400
    assert new.headers["content-type"] == "application/graphql-response+json; charset=utf-8"


def test_health_readiness_and_metrics_answer(service: Service) -> None:
    send(service, run_event())

    assert call(service.asgi, "GET", "/healthz").text == "ok\n"
    assert call(service.asgi, "GET", "/readyz").status_code == 200
    metrics = call(service.asgi, "GET", "/metrics").text
    assert 'andon_events_total{outcome="accepted"} 1.0' in metrics
    assert "andon_journal_position 1.0" in metrics


def test_a_service_whose_projector_has_stopped_is_not_ready(service: Service) -> None:
    service.projector.stop()

    answer = call(service.asgi, "GET", "/readyz")

    assert (answer.status_code, answer.json()["detail"]) == (503, "the projector has stopped")
    assert call(service.asgi, "GET", "/healthz").status_code == 200


def test_every_answer_carries_the_security_headers(service: Service) -> None:
    for method, path in [*ROUTES, ("GET", "/healthz"), ("GET", "/ui/"), ("GET", "/")]:
        headers = call(service.asgi, method, path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path


def test_paths_and_methods_that_do_not_exist_are_problems(service: Service) -> None:
    nothing, wrong = call(service.asgi, "GET", "/nothing"), call(service.asgi, "POST", "/healthz")

    assert (nothing.status_code, wrong.status_code) == (404, 405)
    assert nothing.json()["type"] == "urn:andon:problem:not-found"
    assert wrong.headers["content-type"] == "application/problem+json"


def test_a_failure_of_ours_is_a_500_with_an_id_that_the_log_has(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> bytes:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(service.metrics, "render", fail)
    with caplog.at_level(logging.ERROR):
        answer = call(service.asgi, "GET", "/metrics")

    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.json()["request_id"] in caplog.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example"])
def test_an_open_service_answers_to_no_other_name(service: Service, host: str) -> None:
    assert (
        call(service.asgi, "POST", "/graphql", json={"query": "{ status { version } }"}, host=host).status_code == 403
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:3000", "[::1]:8080"])
def test_an_open_service_answers_to_the_names_of_loopback(service: Service, host: str) -> None:
    assert call(service.asgi, "GET", "/metrics", host=host).status_code == 200


def test_a_page_of_another_site_cannot_use_an_open_service(service: Service) -> None:
    cross = {"Sec-Fetch-Site": "cross-site", **JSON}

    answer = call(service.asgi, "POST", "/api/v1/lineage", content=encoded(run_event()), headers=cross)

    assert answer.status_code == 403
    assert service.journal.last_position() == 0


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_once_there_is_a_key_nothing_but_health_and_the_page_opens_without_one(
    settings: Settings, method: str, path: str
) -> None:
    service = Service(settings)
    service.keys.add("airflow", {Scope.EMIT})

    refused = call(service.asgi, method, path, headers=JSON)
    wrong = call(service.asgi, method, path, headers=JSON | {"Authorization": "Bearer andon_1_2"})
    open_still = [call(service.asgi, "GET", path).status_code for path in ("/healthz", "/readyz", "/ui/", "/")]
    service.stop()

    for answer in (refused, wrong):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert 401 not in open_still


def test_scopes_open_their_door_and_no_other(service: Service) -> None:
    emit = {"Authorization": f"Bearer {service.keys.add('airflow', {Scope.EMIT})}"}
    read = {"Authorization": f"Bearer {service.keys.add('viewer', {Scope.READ})}"}
    question = {"query": "{ status { authentication } }"}

    def post_event(headers: dict[str, str]) -> int:
        return call(
            service.asgi, "POST", "/api/v1/lineage", content=encoded(run_event()), headers=JSON | headers
        ).status_code

    assert (post_event(emit), post_event(read)) == (201, 403)
    assert call(service.asgi, "POST", "/graphql", json=question, headers=emit).status_code == 403
    assert call(service.asgi, "POST", "/graphql", json=question, headers=read).json() == {
        "data": {"status": {"authentication": True}}
    }
    assert call(service.asgi, "GET", "/metrics", headers=emit).status_code == 403
    assert call(service.asgi, "GET", "/metrics", headers=read).status_code == 200


def test_beyond_loopback_the_service_starts_only_with_a_key(settings: Settings) -> None:
    public = Settings(data=settings.data, host="0.0.0.0")
    with pytest.raises(Conflict, match="andon keys add"):
        Service(public)

    keys = Keys(settings.data / "keys.db")
    keys.add("airflow", {Scope.EMIT})
    keys.close()
    Service(public).stop()

    with pytest.raises(Conflict, match="failpoint"):
        Service(Settings(data=settings.data, host="0.0.0.0", failpoint="journal.before_commit"))


def test_a_folder_serves_one_process_at_a_time(service: Service, settings: Settings) -> None:
    with pytest.raises(Conflict, match="in use"):
        Service(settings)


def test_what_was_taken_is_there_after_a_restart(settings: Settings) -> None:
    first = Service(settings)
    first.start()
    send(first, run_event())
    first.stop()

    second = Service(settings)
    second.start()
    try:
        found = data(second, '{ entities(type: "Job") { nodes { name } } }', Andon_Min_Position="1")
    finally:
        second.stop()

    assert found["entities"]["nodes"] == [{"name": "copy"}]
