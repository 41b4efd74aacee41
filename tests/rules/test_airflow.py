"""Runs of DAGs, against what answers as Airflow's REST APIs do; tests/systems has the real one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rules import RuleFault
from rules.actions.airflow import Airflows
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused, Underway
from rules.actions.outbound import Outbound
from rules.outbox import Intended
from tests.rules.estate import T0
from tests.rules.ordering import FIRING, intended
from tests.rules.receiver import Receiver, says, status

PASSWORD = "canary-0123456789"
BY_USER = """\
  - airflow:
      {url: "${AIRFLOW}", dag: "repair_{{ hit.name }}", conf: {tags: "{{ after.tags }}"},
       user: andon, password: "${PASSWORD}"WAIT}
"""
TOKEN, QUEUED = says({"access_token": "jwt-canary"}, 201), says({"state": "queued", "note": PASSWORD})


def references(receiver: Receiver) -> dict[str, str]:
    return {"AIRFLOW": f"http://127.0.0.1:{receiver.port}/af/", "PASSWORD": PASSWORD}


def decided(receiver: Receiver, more: str = "", text: str = BY_USER) -> Intended:
    return intended(text.replace("WAIT", more), references(receiver))


def airflows(receiver: Receiver) -> Airflows:
    return Airflows(references(receiver), Outbound(frozenset({f"127.0.0.1:{receiver.port}"})))


def test_a_run_is_started_under_an_id_that_names_its_firing() -> None:
    with Receiver(TOKEN, QUEUED) as receiver:
        action = decided(receiver)
        outcome = airflows(receiver).deliver(action, T0)

    run = f"andon__{FIRING}__{action.key}"
    assert outcome == Delivered({"dag": "repair_sales", "run": run, "state": "queued"})
    token, trigger = receiver.received
    assert (token.path, json.loads(token.body)) == ("/af/auth/token", {"username": "andon", "password": PASSWORD})
    assert (trigger.path, trigger.headers["authorization"]) == (
        "/af/api/v2/dags/repair_sales/dagRuns", "Bearer jwt-canary",
    )  # fmt: skip
    assert json.loads(trigger.body) == {"dag_run_id": run, "logical_date": None, "conf": {"tags": ["pii"]}}
    assert PASSWORD not in action.body.decode() + repr(outcome)


def test_a_run_that_is_there_already_is_not_started_again_and_is_waited_for_in_its_own_words() -> None:
    states = [says({"state": it}) for it in ("running", "success")]
    with Receiver(TOKEN, status(409), *states) as receiver:
        action, carrier = decided(receiver, ", wait: 2h"), airflows(receiver)
        first = carrier.deliver(action, T0)
        assert first == Underway("running", timedelta(seconds=10))
        last = carrier.deliver(replace(action, progress="running"), T0)

    run = f"andon__{FIRING}__{action.key}"
    assert action.within == timedelta(hours=2)
    assert last == Delivered({"dag": "repair_sales", "run": run, "state": "success"})
    assert [(it.method, it.path) for it in receiver.received[2:]] == [
        ("GET", f"/af/api/v2/dags/repair_sales/dagRuns/{run}")
    ] * 2


def test_a_token_that_ran_out_is_renewed_once() -> None:
    with Receiver(TOKEN, status(401), TOKEN, QUEUED) as receiver:
        assert isinstance(airflows(receiver).deliver(decided(receiver), T0), Delivered)

    assert [it.path.rpartition("/")[2] for it in receiver.received] == ["token", "dagRuns"] * 2


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([TOKEN, status(409), status(404)], Postponed("the target has no such run")),
        ([status(401)], Refused("the target did not take user and password")),
        ([status(503)], Postponed("the target answered 503 when it was asked for a token")),
        ([TOKEN, status(401)], Refused("the target did not take user and password")),
        ([TOKEN, says({"detail": PASSWORD}, 404)], Refused("the target answered 404")),
    ],
)
def test_what_does_not_work_is_said_in_our_own_words(answers: list[object], outcome: Outcome) -> None:
    with Receiver(*answers) as receiver:  # type: ignore[arg-type]
        assert airflows(receiver).deliver(decided(receiver), T0) == outcome


def test_a_run_that_failed_is_dead_where_it_was_waited_for_and_a_state_is_one_that_airflow_has() -> None:
    with Receiver(TOKEN, says({"state": "failed"}), says({"state": PASSWORD})) as receiver:
        waiting, other = decided(receiver, ", wait: 1h"), decided(receiver)
        carrier = airflows(receiver)
        assert carrier.deliver(waiting, T0) == Refused(
            f"the run andon__{FIRING}__{waiting.key} of repair_sales has failed"
        )
        found = carrier.deliver(other, T0)

    assert isinstance(found, Delivered)
    assert found.result is not None
    assert found.result["state"] == "unknown"


@pytest.mark.parametrize(
    ("permit", "header"),
    [
        ('user: "andon", password: "${PASSWORD}"', "Basic " + base64.b64encode(f"andon:{PASSWORD}".encode()).decode()),
        ('token: "${PASSWORD}"', f"Bearer {PASSWORD}"),
    ],
)
def test_airflow_2_is_asked_in_its_own_way(permit: str, header: str) -> None:
    text = f'  - airflow: {{url: "${{AIRFLOW}}", dag: nightly, api: v1, {permit}}}\n'
    with Receiver(QUEUED) as receiver:
        action = decided(receiver, text=text)
        assert isinstance(airflows(receiver).deliver(action, T0), Delivered)

    (received,) = receiver.received
    assert (received.path, received.headers["authorization"]) == ("/af/api/v1/dags/nightly/dagRuns", header)
    assert json.loads(received.body) == {"dag_run_id": f"andon__{FIRING}__{action.key}", "conf": {}}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("", "user and password, or token"),
        (", user: a", "user and password, or token"),
        (', token: "${T}", user: a, password: "${T}"', "user and password, or token"),
        (", token: written-in-the-rule", "a secret is a reference"),
        (', token: "${T}", conf: [1]', "expected keys and values"),
        (', token: "${T}", api: v3', "expected one of v2, v1"),
    ],
)
def test_what_cannot_be_asked_of_an_airflow_is_refused_when_it_is_read(more: str, reason: str) -> None:
    with pytest.raises(RuleFault, match=reason):
        intended(f"  - airflow: {{url: https://airflow.example.com, dag: nightly{more}}}\n", {"T": "t" * 16})
