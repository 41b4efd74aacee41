"""Rules through the real service: a schema change reaches a receiver, and the same rule is tried on the past."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest

from graph.model import make_urn
from tests.end_to_end.events import Event, dataset_event, facet, new_run_id, run_event
from tests.end_to_end.service import Service, run_andon, wait_until
from tests.rules.receiver import Receiver, says

PLACE = "postgres://shop"
ORDERS = make_urn("dataset", PLACE, "orders")
RULE = """\
rule: breaking-schema-change
version: 4
description: A column is gone.
on: {change: schema.changed, type: Dataset, how: [removed, narrowed]}
when: "!('scratch' in after.tags)"
do:
  - webhook:
      url: "${ANDON_TEST_HOOK}"
      event_type: com.example.schema
      attach: {gone: change.removed}
severity: critical
runbook: https://wiki.example.com/schema
limits: {max_age: 3650d}
"""
CSRF = {"X-Andon-Csrf": "1"}
SHADOW = RULE.replace("breaking-schema-change", "watched-only") + "mode: shadow\n"


def schema(second: float, name: str, *columns: str) -> Event:
    fields = [{"name": it, "type": "int"} for it in columns]
    return dataset_event(PLACE, name, second, schema=facet("schema", fields=fields))


@pytest.fixture
def receiver() -> Any:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def service(tmp_path: Path, receiver: Receiver) -> Any:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "schema.yaml").write_text(RULE)
    (tmp_path / "rules" / "shadow.yaml").write_text(SHADOW)
    (tmp_path / "rules" / "schema.test.yaml").write_text("[]")
    arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", f"127.0.0.1:{receiver.port}"
    with Service(tmp_path / "data", *arguments, environment={"ANDON_TEST_HOOK": receiver.url}) as service:
        yield service


def firings(service: Service) -> list[dict[str, Any]]:
    found = service.graphql("{ firings { rule subject verdict reason actions { state } } }")["firings"]
    return list(found)


def test_what_breaks_readers_is_told_once_and_what_does_not_is_not(service: Service, receiver: Receiver) -> None:
    service.accept_all([
        schema(0, "orders", "id", "total", "note"),
        schema(1, "orders", "id", "total", "note", "extra"),
        schema(2, "orders", "id", "total"),
        schema(0, "play", "id", "total"),
    ])  # fmt: skip
    tagged = f'mutation {{ addTag(urn: "{make_urn("dataset", PLACE, "play")}", key: "scratch") {{ position }} }}'
    assert "errors" not in service.post_graphql(tagged, {}, CSRF).json()
    service.accept(schema(3, "play", "id"))

    wait_until(lambda: len(receiver.received) == 1, 20, "it is told")
    wait_until(lambda: all(it["actions"] == [] or it["actions"][0]["state"] == "delivered" for it in firings(service)),
               20, "the outcome is known")  # fmt: skip

    told = receiver.received[0].event
    assert told["subject"] == ORDERS
    assert sorted(told["data"]["attached"]["gone"]) == ["extra", "note"]
    assert told["data"]["rule"]["severity"] == "critical"
    assert told["data"]["rule"]["runbook"] == "https://wiki.example.com/schema"
    assert sorted((it["rule"], it["subject"], it["verdict"]) for it in firings(service)) == [
        ("breaking-schema-change", ORDERS, "fired"),
        ("watched-only", ORDERS, "shadow"),
    ]
    assert len(receiver.received) == 1


def test_what_is_started_elsewhere_is_waited_for_and_its_result_is_known(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "start.yaml").write_text("""\
rule: start
version: 1
on: {change: entity.opened, type: Dataset}
do:
  - http:
      url: "${ANDON_API}/runs"
      json: {table: "{{ hit.name }}"}
      poll: {url: "${ANDON_API}/runs/{{ body.id }}", until: body.state == 'done', keep: {state: body.state}, every: 1s}
limits: {max_age: 3650d}
""")
    with Receiver(says({"id": 7}), says({"state": "busy"}), says({"state": "done"})) as target:
        arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", f"127.0.0.1:{target.port}"
        known = {"ANDON_API": f"http://127.0.0.1:{target.port}"}
        with Service(tmp_path / "data", *arguments, environment=known) as service:
            service.accept(schema(0, "orders", "id"))

            def action() -> dict[str, Any]:
                asked = "{ firings { actions { kind state attempts result } } }"
                return next((it for firing in service.graphql(asked)["firings"] for it in firing["actions"]), {})

            wait_until(lambda: action().get("state") == "delivered", 20, "it has ended")
            assert action() == {"kind": "http", "state": "delivered", "attempts": 1, "result": {"state": "done"}}

    assert [it.path for it in target.received] == ["/runs", "/runs/7", "/runs/7"]
    assert target.received[0].body == b'{"table": "orders"}'


def test_rules_are_shown_as_they_are_in_force(service: Service) -> None:
    found = service.graphql(
        "{ rules { name version changes type when forEach actions mode severity runbook }"
        ' rule(name: "watched-only") { mode } none: rule(name: "x") { mode } }'
    )

    first, second = found["rules"]
    assert first["version"].startswith("4+")
    assert first == {
        "name": "breaking-schema-change", "version": first["version"], "changes": ["schema.changed"],
        "type": "Dataset", "when": "!('scratch' in after.tags)", "forEach": None, "actions": ["webhook"],
        "mode": "live", "severity": "critical", "runbook": "https://wiki.example.com/schema",
    }  # fmt: skip
    assert (second["name"], second["mode"], found["rule"], found["none"]) == (
        "watched-only", "shadow", {"mode": "shadow"}, None,
    )  # fmt: skip


def test_a_failure_is_told_once_and_taken_back_when_a_run_ends_well(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "failed.yaml").write_text(
        "rule: failed\nversion: 1\non: {change: run.failed}\nresolve: {change: run.completed}\n"
        'do: [{notify: {url: "${ANDON_TEST_CHANNEL}", title: "{{ job.name }} failed"}}]\nlimits: {max_age: 3650d}\n'
    )
    host = f"127.0.0.1:{receiver.port}"
    arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", host
    with Service(tmp_path / "data", *arguments, environment={"ANDON_TEST_CHANNEL": f"json://{host}/canary"}) as service:
        for second, how in enumerate(("FAIL", "FAIL", "COMPLETE")):
            service.accept(run_event(PLACE, "load", new_run_id(), how, second))
        wait_until(lambda: len(receiver.received) == 2, 30, "it is told and taken back")
        wait_until(lambda: all(it["actions"] == [] or it["actions"][0]["state"] == "delivered"
                               for it in firings(service)), 20, "the outcomes are known")  # fmt: skip
        found = firings(service)
        printed = "".join(it.read_text() for it in tmp_path.glob("data.log/*"))

    assert [it.event["title"] for it in receiver.received] == ["load failed", "Resolved: load failed"]
    assert sorted(it["verdict"] for it in found) == ["fired", "lasting", "resolved"]
    assert "canary" not in printed


BACKTEST = """query($rule: String, $yaml: String, $after: Int) { backtest(rule: $rule, yaml: $yaml, after: $after) {
  upto byDay { count } firings { position subject verdict actions { kind target owner } } } }"""


def test_a_rule_is_tried_on_the_past_by_name_or_as_text_and_nothing_is_done(
    service: Service, receiver: Receiver
) -> None:
    positions = [service.accept(schema(it, "orders", *("id", "a", "b")[: 3 - it])) for it in range(3)]
    wait_until(lambda: len(receiver.received) == 2, 20, "both are told")

    live = service.graphql(BACKTEST, {"rule": "breaking-schema-change"}, min_position=positions[-1])["backtest"]
    assert [(it["position"], it["subject"], it["verdict"]) for it in live["firings"]] == [
        (positions[1], ORDERS, "fired"), (positions[2], ORDERS, "fired"),
    ]  # fmt: skip
    assert live["firings"][0]["actions"] == [{"kind": "webhook", "target": ORDERS, "owner": None}]
    assert sum(it["count"] for it in live["byDay"]) == 2

    text = RULE.replace("schema.changed, type: Dataset, how: [removed, narrowed]", "entity.opened, type: Dataset")
    other = service.graphql(BACKTEST, {"yaml": text})["backtest"]
    assert [it["position"] for it in other["firings"]] == [positions[0]]
    later = service.graphql(BACKTEST, {"rule": "watched-only", "after": positions[1]})["backtest"]
    assert [(it["position"], it["verdict"]) for it in later["firings"]] == [(positions[2], "fired")]
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "either 'rule' or 'yaml'"),
        ({"rule": "nosuch"}, "there is no rule 'nosuch'"),
        ({"yaml": RULE.replace("schema.changed", "schema.altered")}, "yaml, line 4: on.change: expected one of"),
        ({"yaml": RULE.replace("ANDON_TEST_HOOK", "ANDON_NOT_SET")}, "has no value"),
    ],
)
def test_a_backtest_that_cannot_be_says_why(service: Service, variables: dict[str, Any], reason: str) -> None:
    answer = service.post_graphql(BACKTEST, variables).json()

    assert reason in answer["errors"][0]["message"]


def started(tmp_path: Path, rule: str) -> Service:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "rule.yaml").write_text(rule)
    return Service(tmp_path / "data", "--rules", str(folder))


OPENS = """\
rule: failed-run-opens-an-incident
version: 1
on: {change: run.failed}
do:
  - incident: {title: "The load failed.", severity: high}
  - tag: {key: unreliable, value: "yes"}
limits: {max_age: 3650d}
"""
JOB = make_urn("job", PLACE, "load")
HIT = """query($urn: String!) { entity(urn: $urn) { tags { key value source }
  ... on Job { hasIncident { urn description owners { name } ... on Incident { severity openedAt closedAt } } } } }"""


def test_a_rule_opens_an_incident_and_tags_and_a_person_closes_it(tmp_path: Path) -> None:
    with started(tmp_path, OPENS) as service:
        owned = f'mutation {{ setOwners(urn: "{JOB}", owners: [{{name: "ana"}}]) {{ position }} }}'
        position = service.accept(run_event(PLACE, "load", new_run_id(), outputs=["orders"]))
        read_up_to = {"Andon-Min-Position": str(position)}
        assert "errors" not in service.post_graphql(owned, {}, CSRF | read_up_to).json()
        service.accept(run_event(PLACE, "load", new_run_id(), kind="FAIL", second=5, outputs=["orders"]))

        def hit() -> dict[str, Any]:
            found: dict[str, Any] = service.graphql(HIT, {"urn": JOB})["entity"]
            return found

        wait_until(lambda: len(hit()["hasIncident"]) == 1 and hit()["tags"] != [], 20, "both are said")
        [incident] = hit()["hasIncident"]
        assert (incident["description"], incident["severity"]) == ("The load failed.", "high")
        assert (incident["owners"], incident["closedAt"]) == ([{"name": "ana"}], None)
        [tag] = hit()["tags"]
        assert (tag["key"], tag["value"], tag["source"]) == ("unreliable", "yes", "rule:failed-run-opens-an-incident")

        close = f'mutation {{ closeIncident(urn: "{incident["urn"]}") {{ position }} }}'
        position = service.post_graphql(close, {}, CSRF).json()["data"]["closeIncident"]["position"]
        service.graphql("{ __typename }", min_position=position)
        assert hit()["hasIncident"][0]["closedAt"] is not None


CLOSES = """\
rule: closes
version: 1
on: {change: run.completed}
do: [close_incident: {of: failed-run-opens-an-incident}]
limits: {max_age: 3650d}
"""


def test_an_incident_is_opened_once_assigned_and_closed_when_its_cause_is_gone(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "closes.yaml").write_text(CLOSES)
    (tmp_path / "rules" / "opens.yaml").write_text(OPENS)
    with Service(tmp_path / "data", "--rules", str(tmp_path / "rules")) as service:

        def incidents() -> list[dict[str, Any]]:
            return list(service.graphql(HIT, {"urn": JOB})["entity"]["hasIncident"])

        for second in (1, 2, 3):  # the first may not be in the graph when the next one is decided
            service.accept(run_event(PLACE, "load", new_run_id(), kind="FAIL", second=second))
        wait_until(lambda: len(firings(service)) == 3 and len(incidents()) == 1, 20, "all are decided")
        [incident] = incidents()
        assign = 'mutation($urn: String!) { assignIncident(urn: $urn, owner: "ben") { entity { owners { name } } } }'
        answer = service.post_graphql(assign, {"urn": incident["urn"]}, CSRF).json()
        assert answer["data"]["assignIncident"]["entity"]["owners"] == [{"name": "ben"}]

        service.accept(run_event(PLACE, "load", new_run_id(), second=4))
        wait_until(lambda: incidents()[0]["closedAt"] is not None, 20, "it is closed")
        service.accept(run_event(PLACE, "load", new_run_id(), second=5))
        service.accept(run_event(PLACE, "load", new_run_id(), kind="FAIL", second=6))
        wait_until(lambda: len(incidents()) == 2, 20, "another one is opened")
        found = sorted((it["rule"], it["verdict"]) for it in firings(service))
    assert found == [("closes", "fired")] + [("failed-run-opens-an-incident", "fired")] * 4


def test_people_deprecate_certify_and_tag_columns(service: Service) -> None:
    position = service.accept(schema(0, "orders", "id", "total"))
    column = make_urn("column", PLACE, "orders", "total")
    said = """mutation($urn: String!, $column: String!) { deprecate(urn: $urn, note: "Take v2.") { position }
      certify(urn: $urn) { entity { ... on Dataset { deprecatedBecause certifiedAt certifiedBy } } }
      addTag(urn: $column, key: "pii") { entity { tags { key } } } }"""

    read_up_to = {"Andon-Min-Position": str(position)}
    answer = service.post_graphql(said, {"urn": ORDERS, "column": column}, CSRF | read_up_to).json()["data"]

    dataset, tagged = answer["certify"]["entity"], answer["addTag"]["entity"]
    assert (dataset["deprecatedBecause"], dataset["certifiedAt"] is not None) == ("Take v2.", True)
    assert tagged == {"tags": [{"key": "pii"}]}
    shown = service.graphql("query($urn: String!) { entity(urn: $urn) { tags { key field } } }", {"urn": ORDERS})
    assert shown["entity"]["tags"] == [{"key": "pii", "field": "total"}]
    back = """mutation($urn: String!) { certify(urn: $urn, certified: false) {
      entity { ... on Dataset { certifiedAt } } } }"""
    answer = service.post_graphql(back, {"urn": ORDERS}, CSRF).json()["data"]
    assert answer["certify"]["entity"] == {"certifiedAt": None}


LOOPS = """\
rule: incident-on-incidents
version: 1
on: {change: entity.opened, type: Incident}
do:
  - incident: {title: "There is an incident."}
"""


def test_a_rule_that_sets_itself_off_is_cut(tmp_path: Path) -> None:
    with started(tmp_path, LOOPS) as service:
        service.accept(dataset_event(PLACE, "orders"))
        opened = f'mutation {{ openIncident(urn: "{ORDERS}", title: "It is late.", severity: LOW) {{ position }} }}'
        assert "errors" not in service.post_graphql(opened, {}, CSRF).json()

        wait_until(lambda: "loop_cut" in [it["verdict"] for it in firings(service)], 30, "it is cut")
        assert [it["verdict"] for it in firings(service)] == ["loop_cut"] + ["fired"] * 8


@pytest.mark.parametrize(
    ("mutation", "reason"),
    [
        (f'openIncident(urn: "{ORDERS}", title: " ")', "title: expected"),
        (f'openIncident(urn: "{ORDERS}x", title: "a")', "there is no"),
        (f'closeIncident(urn: "{ORDERS}")', "urn: is no incident"),
        (f'assignIncident(urn: "{ORDERS}", owner: "ana")', "urn: is no incident"),
        (f'deprecate(urn: "{ORDERS}", note: " ")', "note: expected"),
    ],
)
def test_an_incident_that_cannot_be_says_why(service: Service, mutation: str, reason: str) -> None:
    service.accept(dataset_event(PLACE, "orders"))
    answer = service.post_graphql(f"mutation {{ {mutation} {{ position }} }}", {}, CSRF).json()

    assert reason in answer["errors"][0]["message"]


def prov_facts(turtle: str) -> set[tuple[str, str, str]]:
    """What a document says in PROV's words, classes included, without their namespace."""
    prov = "http://www.w3.org/ns/prov#"
    found = set()
    for it in pyoxigraph.parse(turtle.encode(), format=pyoxigraph.RdfFormat.TURTLE):
        predicate, value = it.predicate.value, it.object.value
        if predicate.startswith(prov) or value.startswith(prov):
            found.add((it.subject.value, re.split("[#/]", predicate)[-1], value.removeprefix(prov)))
    return found


def test_a_firing_is_explained_by_all_that_it_rests_on(service: Service, receiver: Receiver) -> None:
    first = service.accept(schema(0, "orders", "id", "total"))
    second = service.accept(schema(1, "orders", "id"))
    wait_until(lambda: [it["state"] for firing in firings(service) for it in firing["actions"]] == ["delivered"],
               20, "it is told")  # fmt: skip
    listed = service.graphql("{ firings { urn rule what } }")["firings"]
    [urn] = [it["urn"] for it in listed if it["rule"] == "breaking-schema-change"]

    proof = service.graphql(
        """query($firing: String!) { explain(firing: $firing) { text prov firing { what position actions { state } }
        grounds { what of other registers evidence count } premises { position kind source digest redacted } }
        none: explain(firing: "urn:andon:firing:andon:x") { text } }""",
        {"firing": urn},
    )
    explained, as_prov, as_json = (
        run_andon("rules", "explain", urn, "--url", service.url, "--format", it).stdout
        for it in ("text", "prov", "json")
    )

    assert proof["none"] is None
    found = proof["explain"]
    assert found["firing"] == {"what": "schema.changed", "position": second, "actions": [{"state": "delivered"}]}
    assert found["grounds"] == [
        {"what": "change", "of": ORDERS, "other": None, "registers": [], "evidence": [second], "count": 1},
        {"what": "was", "of": ORDERS, "other": None, "registers": [], "evidence": [first], "count": 1},
    ]
    assert [it["position"] for it in found["premises"]] == [first, second]
    assert (found["premises"][1]["kind"], len(found["premises"][1]["digest"])) == ("openlineage", 32)
    assert json.loads(as_json)["grounds"] == found["grounds"]
    assert explained == found["text"] + "\n"
    lines = found["text"].splitlines()
    assert lines[0].startswith("breaking-schema-change 4+") and lines[0].endswith(": fired")
    assert lines[2] == f"  since {ORDERS} was there, by envelope {first}"
    assert lines[-1] == f"  webhook on {ORDERS}: delivered after 1 attempts"
    assert receiver.url not in found["text"] + found["prov"] and first < second
    assert as_prov.strip() == found["prov"].strip()
    headers = {"Accept": "text/turtle"}
    linked = service.client.get(f"/id/firing/andon/{urn.rpartition(':')[2]}", headers=headers, follow_redirects=True)
    for text in (found["prov"], linked.text):
        facts = prov_facts(text)
        envelope, association = f"urn:andon:envelope:andon:{second}", f"{urn}#association"
        [(_, _, generated)] = [it for it in facts if it[0].startswith(f"{urn}#outcome") and it[1] == "wasGeneratedBy"]
        [plan] = [it[2] for it in facts if it[:2] == (association, "hadPlan")]
        rule = "urn:andon:rule:andon:breaking-schema-change"
        assert plan.startswith(f"{rule}#4%2B")
        assert facts >= {
            (urn, "type", "Activity"), (urn, "wasAssociatedWith", rule), (rule, "type", "SoftwareAgent"),
            (urn, "used", envelope), (urn, "used", f"{urn}#change"), (f"{urn}#change", "wasDerivedFrom", envelope),
            (envelope, "type", "Entity"), (f"{urn}#decision", "wasGeneratedBy", urn), (plan, "type", "Plan"),
            (generated, "wasInformedBy", urn), (generated, "type", "Activity"),
        }  # fmt: skip
    gone = run_andon("rules", "explain", "urn:andon:firing:andon:x", "--url", service.url)
    assert (gone.returncode, "there is no firing" in gone.stderr) == (1, True)
