"""The declarative action, against small real servers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from graph.errors import InvalidInput
from rules import RuleFault
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused, Underway
from rules.actions.http_action import Requests
from rules.actions.outbound import Outbound
from rules.outbox import Intended
from tests.rules.estate import T0
from tests.rules.ordering import intended
from tests.rules.receiver import Receiver, says, status

KEY = "canary-0123456789"
PREFECT = """\
  - http:
      url: "${API}/deployments/{{ hit.name }}/create_flow_run"
      headers: {Authorization: "Bearer ${KEY}"}
      json:
        idempotency_key: "{{ action.key }}"
        parameters: {tags: "{{ after.tags }}", by: "${WHO}", n: 1, none: null}
      keep: {run: body.id}
      poll:
        url: "${API}/flow_runs/{{ body.id }}"
        until: body.state.type == 'COMPLETED'
        failed: body.state.type in ['FAILED', 'CRASHED']
        keep: {state: body.state.type}
        every: 5s
        within: 2h
"""


def references(receiver: Receiver) -> dict[str, str]:
    return {"API": f"http://127.0.0.1:{receiver.port}/api", "KEY": KEY, "WHO": '"andon"'}


def delivered(action: str | Intended, receiver: Receiver, **after: object) -> Outcome:
    known = references(receiver)
    carried = action if isinstance(action, Intended) else intended(action, known, **after)
    return Requests(known, Outbound(frozenset({f"127.0.0.1:{receiver.port}"}), timeout=5)).deliver(carried, T0)


def test_a_run_is_started_and_looked_at_until_it_has_ended() -> None:
    states = [says({"state": {"type": it}}) for it in ("PENDING", "RUNNING", "COMPLETED")]
    with Receiver(says({"id": "7/8"}, 201), *states) as receiver:
        action = intended(PREFECT, references(receiver))
        outcomes = [delivered(action, receiver)]
        while isinstance(last := outcomes[-1], Underway):
            outcomes.append(delivered(replace(action, progress=last.progress), receiver))

    assert action.within == timedelta(hours=2)
    assert [it.after for it in outcomes if isinstance(it, Underway)] == [timedelta(seconds=5)] * 3
    assert outcomes[-1] == Delivered({"run": "7/8", "state": "COMPLETED"})
    started, *looked = receiver.received
    assert (started.method, started.path) == ("POST", "/api/deployments/sales/create_flow_run")
    assert (started.headers["authorization"], started.headers["idempotency-key"]) == (f"Bearer {KEY}", action.key)
    assert json.loads(started.body) == {
        "idempotency_key": action.key, "parameters": {"tags": ["pii"], "by": '"andon"', "n": 1, "none": None},
    }  # fmt: skip
    assert [(it.method, it.path) for it in looked] == [("GET", "/api/flow_runs/7%2F8")] * 3


def test_what_has_failed_there_is_dead_here_and_what_is_not_to_be_seen_yet_is_asked_for_again() -> None:
    with Receiver(says({"id": "7"}, 201), status(404), status(503), says({"state": {"type": "CRASHED"}})) as receiver:
        action = intended(PREFECT, references(receiver))
        begun = delivered(action, receiver)
        assert isinstance(begun, Underway)
        looked = [delivered(replace(action, progress=begun.progress), receiver) for _ in range(3)]

    assert looked == [
        Postponed("the target answered 404 when it was asked how it went"),
        Postponed("the target answered 503"),
        Refused("what was started has failed, as `failed` has it"),
    ]


DAGSTER = """\
  - http:
      url: "${API}"
      json: {query: "mutation { launchRun { __typename } }", note: "it was {{ after.state }}"}
      success: body.data.launchRun.__typename == 'LaunchRunSuccess'
      accepted: [409]
"""


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (says({"data": {"launchRun": {"__typename": "LaunchRunSuccess"}}}), Delivered()),
        (
            says({"data": {"launchRun": {"__typename": "PythonError"}}}),
            Refused("the target answered 200, which is no success as the rule has it"),
        ),
        (says({"errors": ["canary"]}), Refused("success cannot be told from the answer 200")),
        (
            says("x" * 300_000),
            Refused("success cannot be told from the answer 200, of which too much or too little came"),
        ),
        (says({}, 409), Delivered()),
        (says({}, 503), Postponed("the target answered 503")),
        (status(302, Location="http://127.0.0.1/"), Refused("success cannot be told from the answer 302")),
    ],
    ids=["success", "an error in 200", "another shape", "too large", "done before", "later", "a redirect"],
)
def test_success_is_what_the_rule_says_it_is(answer: object, outcome: Outcome) -> None:
    with Receiver(answer) as receiver:  # type: ignore[arg-type]
        assert delivered(DAGSTER, receiver) == outcome
    assert json.loads(receiver.received[0].body)["note"] == "it was FAIL"
    assert len(receiver.received) == 1


def test_a_form_is_encoded_and_another_method_is_used() -> None:
    text = """\
  - http:
      {method: PUT, url: "${API}?q={{ after.name }}", headers: {accept: a/b},
       form: {a: "{{ after.name }}&b=1", key: "${KEY}"}}
"""
    with Receiver() as receiver:
        assert delivered(text, receiver, name="x&y=ü") == Delivered()

    (received,) = receiver.received
    assert (received.method, received.path) == ("PUT", "/api?q=x%26y%3D%C3%BC")
    assert received.body == f"a=x%26y%3D%C3%BC%26b%3D1&key={KEY}".encode()
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"
    assert received.headers["accept"] == "a/b"


def test_a_name_in_the_graph_neither_names_a_secret_nor_leaves_its_place() -> None:
    text = '  - http: {url: "${API}/{{ after.name }}", json: {some: "so: {{ after.name }}", all: "{{ after.name }}"}}'
    name = '${KEY}", "admin": "{{ after.state }} //evil.example/'
    with Receiver() as receiver:
        assert delivered(text, receiver, name=name) == Delivered()

    (received,) = receiver.received
    assert json.loads(received.body) == {"some": f"so: {name}", "all": name}
    assert received.path.count("/") == 2
    assert KEY not in received.path + received.body.decode()


@pytest.mark.parametrize("code", [200, 400, 500])
def test_a_target_that_repeats_secrets_brings_them_into_nothing_that_is_kept(code: int) -> None:
    forms = [KEY, f"a {KEY}%", base64.b64encode(KEY.encode()).decode(), {"deep": [KEY]}]
    echo = says({"id": f"x{KEY}", "said": forms, KEY: KEY, "state": {"type": KEY}}, code)
    text = PREFECT.replace("{run: body.id}", "{run: body.id, said: body.said, all: body}")
    with Receiver(echo) as receiver:
        action = intended(text, references(receiver))
        begun = delivered(action, receiver)
        kept = repr(begun)
        if isinstance(begun, Underway):
            kept += repr(delivered(replace(action, progress=begun.progress), receiver))

    assert receiver.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in kept + action.address + action.body.decode()
    assert base64.b64encode(KEY.encode()).decode() not in kept


FAULTS = [
    ("https://{{ hit.name }}.example.com/", "", "expected a URL with its host"),
    ("https://api.example.com{{ hit.name }}", "", "expected a URL with its host"),
    ("{{ hit.name }}", "", "expected an http:// or https://"),
    ("ftp://a.example/", "", "expected an http:// or https://"),
    ("", "headers: {Host: b.example}", "Host is not for a rule"),
    ("", 'headers: {"X y": b}', "unknown key 'X y'"),
    ("", "json: {}, form: {}", "there is a json body already"),
    ("", "json: {at: 2026-01-01}", "put it in quotes"),
    ("", "json: [.nan]", "put it in quotes"),
    ("", 'json: ["${NONE}"]', "NONE"),
    ("", 'success: after.name == "a"', "there is no 'after'"),
    ("", "accepted: [200]", "whole number from 300 to 499"),
    ("", "method: TRACE", "expected one of GET"),
    ("", 'poll: {url: "https://a.example/{{ body.id + hit.name }}", until: "true"}', "not over both"),
    ("", 'poll: {url: "https://{{ body.host }}/", until: "true"}', "expected a URL with its host"),
    ("", 'poll: {url: "https://a.example/", until: "true", every: 2h}', "every to be at most within"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "more", "reason"), FAULTS)
def test_what_cannot_be_a_request_is_refused_when_it_is_read(url: str, more: str, reason: str) -> None:
    text = f'  - http: {{url: "{url or "https://a.example/"}", {more}}}'
    with pytest.raises(RuleFault, match=reason):
        intended(text, {})


@pytest.mark.parametrize(
    ("action", "after", "reason"),
    [
        ('{url: "https://a.example/{{ after.name }}"}', {"name": ".."}, "in its URL's path"),
        ('{url: "https://a.example/", headers: {X-Name: "{{ after.name }}"}}', {"name": "a\r\nX: b"}, "in a header"),
        ('{url: "https://a.example/", json: ["{{ after.name }}!"]}', {"name": "n" * 10_001}, "10001 characters"),
    ],
)
def test_what_would_be_another_request_is_not_decided(action: str, after: Mapping[str, object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        intended(f"  - http: {action}\n", {}, **after)


def test_a_host_inside_is_refused_whatever_the_rule_says() -> None:
    action = intended('  - http: {url: "http://127.0.0.1:1/", poll: {url: "http://[::1]:1/", until: "true"}}\n', {})
    requests = Requests({}, Outbound())

    refused = Refused("its host is not at a public address; allowed_hosts can make an exception")
    assert requests.deliver(action, T0) == refused
    assert requests.deliver(replace(action, progress='{"url":["http://[::1]:1/"],"kept":{}}'), T0) == refused
