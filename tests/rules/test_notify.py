"""Messages by Apprise: what leaves, to where, and what does not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from graph.model import Instant, Position
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused, Underway
from rules.actions.notify import Message, Notifier
from rules.actions.sending import SERVICES
from rules.outbox import Intended
from tests.rules.mail_server import MailServer
from tests.rules.receiver import Answer, Receiver, status

msgspec = pytest.importorskip("msgspec")
NOW = Instant(0)
SUBJECT = "urn:andon:job:etl:load"


def intended(message: Message, key: str = "k1") -> Intended:
    return Intended(
        key=key, firing="f1", kind="notify", target=SUBJECT, owner="", address="${ANDON_CHANNEL}", credential=None,
        body=msgspec.json.encode(message), evidence=(Position(3),),
    )  # fmt: skip


def at(receiver: Receiver) -> str:
    return f"127.0.0.1:{receiver.port}"


def notifier(url: str, *allowed: str, state: str | None = None, timeout: float = 12.0) -> Notifier:
    return Notifier({"ANDON_CHANNEL": url}, frozenset(allowed), lambda _: state, timeout=timeout)


def to_services(url: str, receiver: Receiver, state: str | None = None) -> Notifier:
    """With the services' own addresses at the receiver."""
    here = Path(__file__).with_name("sending_at.py")
    command = (sys.executable, "-I", str(here), f"http://{at(receiver)}")
    return Notifier({"ANDON_CHANNEL": url}, frozenset({at(receiver)}), lambda _: state, command=command)


FAILED = Message("Orders failed", "The run of load failed.", "critical", 0)
OVER = Message("Resolved: Orders failed", "It ended well.", "info", 0, resolves="k1")


def test_a_message_arrives_with_title_text_and_kind() -> None:
    with Receiver() as receiver:
        outcome = notifier(f"json://{at(receiver)}/x", at(receiver)).deliver(intended(FAILED), NOW)

    assert outcome == Delivered()
    [sent] = [json.loads(it.body) for it in receiver.received]
    assert (sent["title"], sent["message"], sent["type"]) == ("Orders failed", "The run of load failed.", "failure")


def test_a_mail_has_the_title_as_its_subject() -> None:
    with MailServer() as server:
        url = f"mailto://127.0.0.1:{server.port}/?mode=insecure&from=andon@example.com&to=ana@example.com"
        outcome = notifier(url, f"127.0.0.1:{server.port}").deliver(intended(FAILED), NOW)

    assert outcome == Delivered()
    [mail] = server.mails
    assert (mail["Subject"], mail["To"]) == ("Orders failed", "ana@example.com")
    body = mail.get_body(("plain", "html"))
    assert body is not None and "The run of load failed." in body.get_content()


def test_pagerduty_opens_and_ends_one_incident_by_the_first_message_s_key() -> None:
    with Receiver(status(202)) as receiver:
        duty = to_services("pagerduty://integration@secret", receiver, state="delivered")
        outcomes = [duty.deliver(intended(FAILED), NOW), duty.deliver(intended(OVER, "k2"), NOW)]

    assert outcomes == [Delivered(), Delivered()]
    opened, ended = [json.loads(it.body) for it in receiver.received]
    assert (opened["event_action"], opened["dedup_key"], opened["payload"]["severity"]) == ("trigger", "k1", "critical")
    assert ended == {"routing_key": "integration", "event_action": "resolve", "dedup_key": "k1"}
    assert "Orders failed" in opened["payload"]["summary"]
    assert "image" not in opened and "images" not in opened


def test_opsgenie_opens_and_closes_one_alert_by_its_alias() -> None:
    def answer() -> Answer:
        return status(202)

    with Receiver(answer()) as receiver:
        genie = to_services("opsgenie://secret", receiver, state="delivered")
        outcomes = [genie.deliver(intended(FAILED), NOW), genie.deliver(intended(OVER, "k2"), NOW)]

    opened, closed = receiver.received
    assert (opened.path, json.loads(opened.body)["alias"]) == ("/opsgenie", "k1")
    assert closed.path == "/opsgenie/k1/close?identifierType=alias"
    assert outcomes[1] == Delivered()


def test_slack_is_given_names_as_text_and_not_as_commands() -> None:
    with Receiver(status(200)) as receiver:
        slack = to_services("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", receiver)
        slack.deliver(intended(Message("t", "table <!channel> failed", "info", 0)), NOW)

    [sent] = receiver.received
    assert sent.path == "/slack/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert b"<!channel>" not in sent.body


@pytest.mark.parametrize(
    "url",
    ["json://127.0.0.1:{port}/x", "json://localhost:{port}/x", "json://2130706433:{port}/x",
     "mailto://127.0.0.1:{port}/?mode=insecure&from=a@example.com&to=b@example.com"],
)  # fmt: skip
def test_what_is_not_out_in_the_internet_is_reached_only_if_it_is_allowed(url: str) -> None:
    with Receiver() as receiver:
        outcome = notifier(url.format(port=receiver.port)).deliver(intended(FAILED), NOW)

    assert isinstance(outcome, Refused) and "public address" in outcome.reason
    assert receiver.received == []


def test_a_redirect_leads_nowhere() -> None:
    with Receiver() as inside, Receiver(status(307, Location=inside.url)) as receiver:
        url = f"json://{at(receiver)}/x?redirect=yes"
        outcome = notifier(url, at(receiver), at(inside)).deliver(intended(FAILED), NOW)

    assert outcome == Refused("the target answered 307: redirects are not followed")
    assert inside.received == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [(401, Refused("the target answered 401")), (503, Postponed("the target answered 503"))],
)
def test_an_answer_that_is_no_success_is_judged_and_nothing_of_it_told(code: int, expected: Outcome) -> None:
    with Receiver(status(code)) as receiver:
        assert notifier(f"json://{at(receiver)}/canary", at(receiver)).deliver(intended(FAILED), NOW) == expected


@pytest.mark.parametrize("way", ["", "/usr/../"])
def test_a_plugin_that_reads_a_file_of_this_machine_is_kept_from_it(tmp_path: Path, way: str) -> None:
    secret = tmp_path / "template.json"
    secret.write_text('{"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "canary-4711"}}]}')
    with Receiver() as receiver:
        slack = to_services(f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template={way}{secret}", receiver)
        outcome = slack.deliver(intended(FAILED), NOW)

    assert not isinstance(outcome, Delivered)
    assert b"canary" not in b"".join(it.body for it in receiver.received)


def test_a_target_that_never_answers_is_given_up_in_time() -> None:
    import threading

    over = threading.Event()
    with Receiver(lambda _: over.wait(10) and None) as receiver:
        outcome = notifier(f"json://{at(receiver)}/x?rto=60", at(receiver), timeout=2.0).deliver(intended(FAILED), NOW)
        over.set()

    assert outcome == Postponed("the target took too long")


def test_what_is_over_waits_until_its_message_has_left() -> None:
    with Receiver() as receiver:
        url = f"json://{at(receiver)}/x"
        waits = notifier(url, at(receiver), state="failed").deliver(intended(OVER, "k2"), NOW)
        untold = notifier(url, at(receiver), state="refused").deliver(intended(OVER, "k2"), NOW)
        assert receiver.received == []
        given_up = notifier(url, at(receiver), state="dead").deliver(intended(OVER, "k2"), NOW)

    assert isinstance(waits, Underway)
    assert (untold, given_up) == (Delivered({"sent": False}), Delivered())


@pytest.mark.filterwarnings("ignore:'imghdr'")
def test_each_service_is_a_plugin_that_apprise_has() -> None:
    from importlib import import_module

    for scheme, place in SERVICES.items():
        module, _, name = place.partition(".")
        plugin = getattr(import_module(f"apprise.plugins.{module}"), name)
        protocols = [plugin.protocol, plugin.secure_protocol]
        known = {it for found in protocols if found for it in ([found] if isinstance(found, str) else found)}
        assert scheme in known, scheme
