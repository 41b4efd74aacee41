from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from graph.errors import InvalidInput
from graph.model import Position
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused
from rules.actions.outbound import MAX_ANSWER, Outbound
from rules.actions.webhook import Webhooks
from rules.outbox import Intended
from tests.rules.estate import T0
from tests.rules.receiver import Receiver, status

TLS = Path(__file__).parent / "receiver.pem"  # for receiver.test, signed by itself; the key guards nothing
SECRET = "canary-0123456789abcdef"


def sender(references: Mapping[str, str], allowed: frozenset[str] = frozenset(), **how: Any) -> Webhooks:
    return Webhooks(references, Outbound(allowed, **how))


def an_action(url: str = "${HOOK}", secret: str | None = None) -> Intended:
    return Intended(
        key="key-1",
        firing="firing-1",
        kind="webhook",
        target="urn:andon:dashboard:looker%3A%2F%2Fshop:sales",
        owner="ana",
        address=url,
        credential=secret,
        body=b'{"specversion":"1.0"}',
        evidence=(Position(9),),
    )


def delivered_to(
    receiver: Receiver, action: Intended | None = None, *, timeout: float = 5.0, path: str = "/hook"
) -> Outcome:
    """Deliver with HOOK as the receiver's URL, its host allowed."""
    references = {"HOOK": f"http://127.0.0.1:{receiver.port}{path}", "SECRET": SECRET}
    webhooks = sender(references, frozenset({f"127.0.0.1:{receiver.port}"}), timeout=timeout)
    return webhooks.deliver(action or an_action(), T0)


def test_the_event_is_posted_with_its_key_and_content_type() -> None:
    with Receiver() as receiver:
        assert delivered_to(receiver, path="/hook?team=a") == Delivered()

    (received,) = receiver.received
    assert received.path == "/hook?team=a"
    assert received.body == b'{"specversion":"1.0"}'
    assert received.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert received.headers["idempotency-key"] == "key-1"
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert "webhook-signature" not in received.headers


@pytest.mark.parametrize(
    ("secret", "known"),
    [(SECRET, SECRET.encode()), ("whsec_" + base64.b64encode(b"k" * 24).decode(), b"k" * 24)],
    ids=["as it stands", "in base64"],
)
def test_a_receiver_that_knows_the_secret_can_check_signature_and_time(secret: str, known: bytes) -> None:
    with Receiver() as receiver:
        references = {"HOOK": receiver.url, "SECRET": secret}
        sender(references, frozenset({f"127.0.0.1:{receiver.port}"})).deliver(an_action(secret="${SECRET}"), T0)

    (received,) = receiver.received
    headers = received.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    expected = base64.b64encode(hmac.new(known, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(T0 // 1_000_000)
    assert headers["webhook-id"] == "key-1"


def test_a_secret_that_cannot_be_read_is_refused_without_being_repeated() -> None:
    references = {"HOOK": "http://8.8.8.8/", "SECRET": "whsec_canary!"}

    outcome = sender(references).deliver(an_action(secret="${SECRET}"), T0)

    assert isinstance(outcome, Refused)
    assert "canary" not in outcome.reason


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503])
def test_a_passing_trouble_is_postponed(code: int) -> None:
    with Receiver(status(code)) as receiver:
        assert delivered_to(receiver) == Postponed(f"the target answered {code}")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 422])
def test_what_will_not_change_by_itself_is_refused(code: int) -> None:
    with Receiver(status(code)) as receiver:
        assert delivered_to(receiver) == Refused(f"the target answered {code}")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("9" * 5_000, 3600), ("soon", None), ("-1", None)],
    ids=["seconds", "an absurd number", "a word", "a negative"],
)
def test_the_wait_that_a_target_asks_for_is_kept_within_an_hour(header: str, seconds: int | None) -> None:
    with Receiver(status(503, Retry_After=header)) as receiver:
        outcome = delivered_to(receiver)

    assert isinstance(outcome, Postponed)
    assert (outcome.after.total_seconds() if outcome.after else None) == seconds


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with Receiver() as inside:
        with Receiver(status(code, Location=inside.url)) as receiver:
            outcome = delivered_to(receiver)

    assert outcome == Refused(f"the target answered {code}: redirects are not followed")
    assert inside.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost"])
def test_a_target_on_this_machine_gets_nothing_unless_it_is_allowed(host: str) -> None:
    with Receiver() as receiver:
        outcome = sender({"HOOK": f"http://{host}:{receiver.port}/"}).deliver(an_action(), T0)

    assert outcome == Refused("its host is not at a public address; allowed_hosts can make an exception")
    assert receiver.received == []


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.0.1", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]"])
def test_a_target_in_an_inner_network_is_refused(host: str) -> None:
    outcome = sender({"HOOK": f"http://{host}/latest/meta-data"}).deliver(an_action(), T0)

    assert isinstance(outcome, Refused)


def test_a_name_that_is_rebound_after_it_was_vetted_gains_nothing() -> None:
    answers = [["93.184.215.14"], ["127.0.0.1"]]

    with Receiver() as receiver:
        webhooks = sender(
            {"HOOK": f"http://rebound.example.com:{receiver.port}/"},
            resolve=lambda host, port: answers.pop(0),
            timeout=0.2,
        )
        outcome = webhooks.deliver(an_action(), T0)

    assert isinstance(outcome, Postponed)  # the public address that was vetted did not answer
    assert receiver.received == []
    assert answers == [["127.0.0.1"]]  # and nobody asked again


def test_the_address_that_was_vetted_is_used_under_the_name_that_was_asked_for() -> None:
    with Receiver() as receiver:
        name = f"hooks.example.com:{receiver.port}"
        webhooks = sender({"HOOK": f"http://{name}/"}, frozenset({name}), resolve=lambda host, port: ["127.0.0.1"])

        assert webhooks.deliver(an_action(), T0) == Delivered()

    assert receiver.received[0].headers["host"] == name


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with Receiver() as receiver:
        name = f"hooks.example.com:{receiver.port}"
        webhooks = sender(
            {"HOOK": f"http://{name}/"}, frozenset({name}), resolve=lambda host, port: ["::1", "127.0.0.1"]
        )

        assert webhooks.deliver(an_action(), T0) == Delivered()


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS)
    return context


@pytest.mark.parametrize(
    ("name", "trusted", "expected"),
    [
        ("receiver.test", True, Delivered()),
        ("other.test", True, Postponed("the target's certificate is not trusted (OpenSSL code 62)")),
        ("receiver.test", False, Postponed("the target's certificate is not trusted (OpenSSL code 18)")),
    ],
    ids=["its name and known", "another name", "unknown"],
)
def test_the_certificate_is_checked_against_the_name_not_the_address(
    server_tls: ssl.SSLContext, name: str, trusted: bool, expected: Outcome
) -> None:
    with Receiver(tls=server_tls) as receiver:
        target = f"{name}:{receiver.port}"
        webhooks = sender(
            {"HOOK": f"https://{target}/"},
            frozenset({target}),
            resolve=lambda host, port: ["127.0.0.1"],
            tls=ssl.create_default_context(cafile=str(TLS)) if trusted else None,
        )

        assert webhooks.deliver(an_action(), T0) == expected


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A header byte now and then, for ever: each read succeeds, the answer never comes."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def test_a_target_that_drips_its_answer_is_given_up_on_in_time() -> None:
    with Receiver(drip) as receiver:
        started = time.monotonic()
        outcome = delivered_to(receiver, timeout=0.3)
        took = time.monotonic() - started

    assert outcome == Postponed("the target took too long")
    assert took < 2


def test_an_endless_answer_is_read_no_further_than_its_cap() -> None:
    written: list[int] = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while len(written) < 10_000:
                handler.wfile.write(b"x" * 10_000)
                written.append(10_000)
        except OSError:
            pass

    with Receiver(endless) as receiver:
        assert delivered_to(receiver) == Delivered()

    kernel_buffers = 16 * 1024 * 1024
    assert sum(written) < MAX_ANSWER + kernel_buffers


def test_a_target_that_is_not_there_is_postponed() -> None:
    with Receiver() as receiver:
        port = receiver.port
    webhooks = sender({"HOOK": f"http://127.0.0.1:{port}/"}, frozenset({f"127.0.0.1:{port}"}))

    assert webhooks.deliver(an_action(), T0) == Postponed("the connection failed (ConnectionRefusedError)")


def test_an_answer_that_is_not_http_is_postponed() -> None:
    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"canary-4711 is no status line\r\n\r\n")
        handler.close_connection = True

    with Receiver(garbage) as receiver:
        assert delivered_to(receiver) == Postponed("the connection failed (BadStatusLine)")


def test_a_reference_that_lost_its_value_is_postponed_until_it_has_one() -> None:
    assert sender({}).deliver(an_action(), T0) == Postponed("${HOOK} has no value; set HOOK before Andon starts")


@pytest.mark.parametrize("entry", ["localhost", ":80", "localhost:http", "http://localhost:80"])
def test_an_allowed_host_must_name_a_host_and_a_port(entry: str) -> None:
    with pytest.raises(InvalidInput, match="allowed_hosts"):
        sender({}, frozenset({entry}))


@pytest.mark.parametrize("code", [200, 302, 404, 500])
def test_neither_url_nor_secret_nor_answer_is_in_outcome_or_log(code: int, caplog: pytest.LogCaptureFixture) -> None:
    def echo(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code, "canary in the reason")
        handler.send_header("Location", "http://canary.example.com/")
        handler.send_header("Set-Cookie", "canary=in-a-header")
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"canary")

    caplog.set_level(logging.DEBUG)
    with Receiver(echo) as receiver:
        outcome = delivered_to(receiver, an_action(secret="${SECRET}"), path="/canary/path?token=canary")

    assert receiver.received[0].path == "/canary/path?token=canary"
    assert "canary" not in repr(outcome) + caplog.text
