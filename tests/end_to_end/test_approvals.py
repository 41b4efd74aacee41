"""What waits for somebody: through the real service with keys; and what people do to rules while it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from graph.model import make_urn
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.keys import add_key
from tests.end_to_end.service import GraphQLErrors, Service, run_andon, wait_until
from tests.rules.receiver import Receiver

PLACE = "airflow-prod"
JOB = make_urn("job", PLACE, "load")
RULE = """\
rule: stop-what-failed
version: 1
on: {change: run.failed}
do: [{tag: {key: unreliable}}]
approval: {by: [ana, ben], within: 30d}
limits: {max_age: 3650d}
"""
PLAIN = RULE.replace("approval: {by: [ana, ben], within: 30d}\n", "")
CSRF = {"X-Andon-Csrf": "1"}
WAITING = "{ approvals { urn verdict awaited { by reason } answered { by } actions { state } } }"
ANSWER = (
    'mutation($firing: String!) { %s(firing: $firing, note: "as agreed") { verdict answered { approved by note } } }'
)


class Caller:
    """Somebody with a key, or without."""

    def __init__(self, service: Service, key: str | None = None) -> None:
        self._service = service
        self._headers = CSRF | ({"Authorization": f"Bearer {key}"} if key is not None else {})

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self._service.post_graphql(query, variables, self._headers).json()
        if "errors" in answer:
            raise GraphQLErrors(answer["errors"], "")
        data: dict[str, Any] = answer["data"]
        return data

    def refused(self, query: str, **variables: Any) -> str:
        with pytest.raises(GraphQLErrors) as refused:
            self.ask(query, **variables)
        return str(refused.value)

    def tags(self) -> list[str]:
        entity = self.ask("query($urn: String!) { entity(urn: $urn) { tags { key } } }", urn=JOB)["entity"]
        return [it["key"] for it in entity["tags"]] if entity is not None else []


def serving(folder: Path, rule: str) -> Service:
    (folder / "rules").mkdir()
    (folder / "rules" / "rule.yaml").write_text(rule)
    return Service(folder / "data", "--rules", str(folder / "rules"))


def test_one_of_those_who_are_asked_says_yes_and_it_is_done(tmp_path: Path) -> None:
    keys = {name: add_key(tmp_path / "data", name, "emit,read,write") for name in ("ana", "cem")}
    with serving(tmp_path, RULE) as service:
        ana, cem = (Caller(service, keys[name]) for name in ("ana", "cem"))
        authorized = {"Authorization": f"Bearer {keys['ana']}"}
        assert service.post_event(run_event(PLACE, "load", new_run_id(), kind="FAIL"), authorized).is_success
        wait_until(lambda: ana.ask(WAITING)["approvals"] != [], 20, "it waits")
        [waiting] = ana.ask(WAITING)["approvals"]
        assert waiting["verdict"] == "waiting" and waiting["answered"] is None
        assert waiting["awaited"] == {"by": ["ana", "ben"], "reason": "the rule asks for it"}
        assert [it["state"] for it in waiting["actions"]] == ["waiting"]
        firing = waiting["urn"]

        assert "ana, ben may answer this, not 'cem'" in cem.refused(ANSWER % "approve", firing=firing)
        assert ana.tags() == []
        told = ana.ask(ANSWER % "approve", firing=firing)["approve"]
        assert told == {"verdict": "fired", "answered": {"approved": True, "by": "ana", "note": "as agreed"}}
        wait_until(lambda: ana.tags() == ["unreliable"], 20, "it is done")

        assert ana.ask(WAITING)["approvals"] == []
        assert "does not wait: it is fired" in ana.refused(ANSWER % "refuse", firing=firing)
        said = "query($urn: String!) { entity(urn: $urn) { facets } }"
        wait_until(lambda: "approval" in ana.ask(said, urn=firing)["entity"]["facets"], 20, "the graph knows")
        approval = ana.ask(said, urn=firing)["entity"]["facets"]["approval"]
        assert (approval["approved"], approval["by"], approval["note"]) == (True, "ana", "as agreed")
        proof = ana.ask("query($firing: String!) { explain(firing: $firing) { ruleText text prov } }", firing=firing)[
            "explain"
        ]
        assert proof["ruleText"] == RULE
        assert "asked ana, ben until 20" in proof["text"] and "approved by ana at 20" in proof["text"]
        assert "#approval> a prov:Activity" in proof["prov"]


ASKS = RULE.replace(
    "{by: [ana, ben], within: 30d}",
    """
  by: [ana, ben]
  within: 30d
  ask:
    - webhook:
        url: "${ANDON_TEST_HOOK}"
        event_type: com.example.approval
        attach: {for: approval.by, link: approval.link}
""",
)
SIGNING = "0123456789abcdef0123456789abcdef-canary"


def test_those_who_are_asked_are_told_and_answer_by_a_link(tmp_path: Path) -> None:
    key = add_key(tmp_path / "data", "cem", "emit,read")
    authorized = {"Authorization": f"Bearer {key}"}
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rule.yaml").write_text(ASKS)
    with Receiver() as receiver:
        arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", f"127.0.0.1:{receiver.port}"
        environment = {
            "ANDON_TEST_HOOK": receiver.url, "ANDON_APPROVAL_KEY": SIGNING, "ANDON_PUBLIC_URL": "https://andon.example.com",
        }  # fmt: skip
        with Service(tmp_path / "data", *arguments, environment=environment) as service:
            cem = Caller(service, key)
            assert service.post_event(run_event(PLACE, "load", new_run_id(), kind="FAIL"), authorized).is_success
            wait_until(lambda: len(receiver.received) == 2, 20, "both are told")
            attached = [it.event["data"]["attached"] for it in receiver.received]
            links = {it["for"]: str(it["link"]).removeprefix("https://andon.example.com") for it in attached}
            assert sorted(links) == ["ana", "ben"]
            [waiting] = cem.ask(WAITING)["approvals"]
            assert sorted(it["state"] for it in waiting["actions"])[-1] == "waiting", "only the telling is done"

            page = service.client.get(links["ben"])
            assert (
                page.status_code == 200 and "stop-what-failed asks" in page.text and "You answer as ben." in page.text
            )
            assert "form-action 'self'" in page.headers["content-security-policy"]
            assert cem.ask(WAITING)["approvals"] != [], "looking is not answering"
            for forged in (links["ben"].replace("by=ben", "by=ana"), links["ben"][:-1], links["ben"].partition("?")[0]):
                assert service.client.post(forged, content="answer=approve").status_code == 403
            assert service.client.post(links["ben"], content="answer=perhaps").status_code in (400, 422)

            done = service.client.post(links["ben"], content="answer=approve&note=%3Cb%3Eyes%3C%2Fb%3E")
            assert done.status_code == 200 and "approved by ben" in done.text
            wait_until(lambda: cem.tags() == ["unreliable"], 20, "it is done")
            assert "This has been answered" in service.client.get(links["ana"]).text
            assert "approved by ben" in service.client.post(links["ana"], content="answer=refuse").text
            kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
            assert SIGNING.encode() not in kept and SIGNING not in service.printed()


def test_a_no_leaves_it_undone_and_survives_a_crash(tmp_path: Path) -> None:
    with serving(tmp_path, RULE) as service:
        anybody = Caller(service)
        service.accept(run_event(PLACE, "load", new_run_id(), kind="FAIL"))
        wait_until(lambda: anybody.ask(WAITING)["approvals"] != [], 20, "it waits")
        [waiting] = anybody.ask(WAITING)["approvals"]
        service.kill()
        service.start()
        assert [it["urn"] for it in anybody.ask(WAITING)["approvals"]] == [waiting["urn"]]

        told = anybody.ask(ANSWER % "refuse", firing=waiting["urn"])["refuse"]

        assert told["verdict"] == "refused"
        [firing] = anybody.ask("{ firings { verdict actions { state } } }")["firings"]
        assert firing == {"verdict": "refused", "actions": [{"state": "refused"}]}
        assert anybody.tags() == []


def test_a_rule_is_switched_and_the_folder_read_again_while_it_runs(tmp_path: Path) -> None:
    switch = 'mutation($mode: RuleMode!) { switchRule(name: "stop-what-failed", mode: $mode) { position } }'
    modes = "{ rules { name mode version } }"
    with serving(tmp_path, PLAIN) as service:
        anybody = Caller(service)
        urn = make_urn("rule", "andon", "stop-what-failed")
        defined = "query($urn: String!) { entity(urn: $urn) { type facets } }"
        wait_until(lambda: anybody.ask(defined, urn=urn)["entity"] is not None, 20, "the graph knows the rule")
        definition = anybody.ask(defined, urn=urn)["entity"]["facets"]["definition"]
        assert definition["text"] == PLAIN and definition["version"] == anybody.ask(modes)["rules"][0]["version"]

        anybody.ask(switch, mode="SHADOW")
        assert anybody.ask(modes)["rules"][0]["mode"] == "shadow"
        service.accept(run_event(PLACE, "load", new_run_id(), kind="FAIL"))
        wait_until(lambda: len(anybody.ask("{ firings { urn } }")["firings"]) == 1, 20, "it is decided")
        assert [it["verdict"] for it in anybody.ask("{ firings { verdict } }")["firings"]] == ["shadow"]

        (tmp_path / "rules" / "more.yaml").write_text("rule: broken\n")
        assert re.search(r"more\.yaml, line 1", anybody.refused("mutation { loadRules { name } }"))
        assert [it["name"] for it in anybody.ask(modes)["rules"]] == ["stop-what-failed"]
        (tmp_path / "rules" / "more.yaml").unlink()
        (tmp_path / "rules" / "rule.yaml").write_text(PLAIN.replace("version: 1", "version: 2"))
        loaded = anybody.ask("mutation { loadRules { name mode version } }")["loadRules"]
        assert [(it["name"], it["mode"], it["version"][:2]) for it in loaded] == [("stop-what-failed", "live", "2+")]
        service.accept(run_event(PLACE, "load", new_run_id(), kind="FAIL"))
        wait_until(lambda: anybody.tags() == ["unreliable"], 20, "the new version acts")


def test_incidents_are_listed_those_that_are_open_or_all(tmp_path: Path) -> None:
    listed = "query($open: Boolean!) { incidents(open: $open) { urn description } }"
    with Service(tmp_path / "data") as service:
        anybody = Caller(service)
        service.accept(run_event(PLACE, "load", new_run_id()))
        wait_until(lambda: anybody.ask("query($u: String!) { entity(urn: $u) { urn } }", u=JOB)["entity"], 20, "it is")
        opened = "mutation($u: String!, $title: String!) { openIncident(urn: $u, title: $title) { entity { urn } } }"
        one, two = (anybody.ask(opened, u=JOB, title=it)["openIncident"]["entity"]["urn"] for it in ("one", "two"))
        anybody.ask("mutation($urn: String!) { closeIncident(urn: $urn) { position } }", urn=one)

        assert [it["urn"] for it in anybody.ask(listed, open=True)["incidents"]] == [two]
        assert {it["urn"] for it in anybody.ask(listed, open=False)["incidents"]} == {one, two}


def test_a_folder_is_checked_with_its_questions(tmp_path: Path) -> None:
    (tmp_path / "asks.yaml").write_text(RULE + "query: '{ entities { nothing } }'\n")

    found = run_andon("rules", "check", str(tmp_path))

    assert found.returncode == 1
    assert "asks.yaml, line 7: query: Cannot query field 'nothing'" in found.stderr
