"""`airflow`: start a run of a DAG, over Airflow 3's REST API (v2) or Airflow 2's (v1), and wait for it if asked to.

The run's id says who started it, `andon__FIRING__KEY`: Airflow answers 409 to the same id again, so that a run is
started once however often it is asked for, and the run's own OpenLineage events name the firing by it.

https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html, `POST /api/v2/dags/{dag_id}/dagRuns`,
and `POST /auth/token` of its auth managers.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import msgspec
from yaml.nodes import Node

from graph.cause import run_id
from graph.errors import InvalidInput
from graph.model import Instant
from graph.reader import Owner
from rules.action import SEEN, Occasion, Order
from rules.actions import answers
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused, Underway
from rules.actions.json_body import rendered, resolved
from rules.actions.outbound import Answer, NoAnswer, Outbound, check_url, judged, outcome_of
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended
from rules.rule import Template
from rules.text import Json, Text

APIS = ("v2", "v1")
MAX_DAG = 250  # characters, as Airflow has it
MAX_CONF = 65_536  # bytes
EVERY = timedelta(seconds=10)

_STATES = frozenset({"queued", "running", "success", "failed"})  # of a DAG run, in Airflow 2 and 3
_USER_AGENT = "andon/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Airflow:
    """Run `dag` of the Airflow at `url`, as `user` with `password` or by `token`; `wait` so long for its end."""

    url: Template
    dag: Text
    conf: Mapping[str, Json] = field(default_factory=dict)
    api: str = "v2"
    user: Template | None = None
    password: Template | None = None
    token: Template | None = None
    wait: timedelta | None = None
    kind = "airflow"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        seen = occasion.seen(key, hit, owner)
        dag = self.dag.said(seen)
        if not dag or len(dag) > MAX_DAG or dag in (".", ".."):
            raise InvalidInput(f"expected the id of a DAG, found {dag[:100]!r}", field="dag")
        trigger = _Trigger(
            api=self.api,
            dag=dag,
            run=run_id(occasion.firing, key),
            conf=rendered({**self.conf}, seen),
            user=_text(self.user),
            password=_text(self.password),
            token=_text(self.token),
            wait=self.wait is not None,
        )
        body = msgspec.json.encode(trigger)
        if len(body) > MAX_CONF:
            raise InvalidInput(f"comes to {len(body)} bytes, expected at most {MAX_CONF}", field="conf")
        return Order(body, address=self.url.text, within=self.wait)


class _Trigger(msgspec.Struct, frozen=True):
    """An `Airflow` that was decided; `conf` as `json_body.rendered` writes it."""

    api: str
    dag: str
    run: str
    conf: object
    user: str | None
    password: str | None
    token: str | None
    wait: bool

    @property
    def path(self) -> str:
        return f"/api/{self.api}/dags/{quote(self.dag, safe='')}/dagRuns"


_read = msgspec.json.Decoder(_Trigger).decode


def _text(template: Template | None) -> str | None:
    return template.text if template is not None else None


def read(document: Document, node: Node, path: str) -> Airflow:
    optional = ("conf", "api", "user", "password", "token", "wait")
    fields = document.mapping(node, path, ("url", "dag"), optional)
    as_user = "user" in fields or "password" in fields
    if as_user == ("token" in fields) or ("user" in fields) != ("password" in fields):
        raise document.fault(node, path, "expected user and password, or token")
    conf = document.json(fields["conf"], f"{path}.conf", SEEN) if "conf" in fields else {}
    if not isinstance(conf, dict):
        raise document.fault(fields["conf"], f"{path}.conf", "expected keys and values")
    return Airflow(
        url=document.template(fields["url"], f"{path}.url", _check_base),
        dag=document.words(fields["dag"], f"{path}.dag", MAX_DAG, SEEN),
        conf=conf,
        api=document.one_of(fields["api"], f"{path}.api", APIS) if "api" in fields else "v2",
        user=document.template(fields["user"], f"{path}.user", _check_some) if as_user else None,
        password=_reference(document, fields["password"], f"{path}.password") if as_user else None,
        token=_reference(document, fields["token"], f"{path}.token") if "token" in fields else None,
        wait=document.duration(fields["wait"], f"{path}.wait") if "wait" in fields else None,
    )


def _check_base(url: str) -> None:
    if "?" in check_url(url).path:
        raise InvalidInput("expected the URL of an Airflow, without a query")


def _check_some(value: str) -> None:
    if not value:
        raise InvalidInput("is empty")


def _reference(document: Document, node: Node, path: str) -> Template:
    template = document.template(node, path, _check_some)
    if not template.is_reference:
        raise document.fault(node, path, "a secret is a reference, ${NAME}, and is never written into the rule")
    return template


class Airflows:
    """Carries out `airflow`. `references` are the values behind `${NAME}`."""

    def __init__(self, references: Mapping[str, str], outbound: Outbound) -> None:
        self._references = references
        self._outbound = outbound
        self._tokens: dict[tuple[str, str], str] = {}  # by URL and user, until one is refused
        self._lock = threading.Lock()

    def target(self, intended: Intended) -> str:
        return check_url(Template(intended.address).resolve(self._references)).target

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        trigger = _read(intended.body)
        if intended.progress is None:
            return outcome_of(lambda: self._start(intended.address, trigger))
        return outcome_of(lambda: self._look(intended.address, trigger))

    def _start(self, base: str, trigger: _Trigger) -> Outcome:
        body: dict[str, object] = {"dag_run_id": trigger.run, "conf": resolved(trigger.conf, self._references)}
        if trigger.api == "v2":
            body["logical_date"] = None  # must be there, and be nothing: two runs may be asked for at one moment
        answer = self._ask("POST", base, trigger, trigger.path, json.dumps(body).encode())
        if answer is None:
            return Refused("the target did not take user and password")
        if answer.status == 409:  # it was started before, if it is there: v1 also refuses two runs of one moment
            return self._look(base, trigger)
        if not isinstance(judged(answer), Delivered):
            return judged(answer)
        return self._found(trigger, _state(answer))

    def _look(self, base: str, trigger: _Trigger) -> Outcome:
        answer = self._ask("GET", base, trigger, f"{trigger.path}/{quote(trigger.run, safe='')}", None)
        if answer is None:
            return Refused("the target did not take user and password")
        if answer.status == 404:
            return Postponed("the target has no such run")
        if not isinstance(judged(answer), Delivered):
            return judged(answer)
        return self._found(trigger, _state(answer))

    def _found(self, trigger: _Trigger, state: str) -> Outcome:
        if trigger.wait and state == "failed":
            return Refused(f"the run {trigger.run} of {trigger.dag} has failed")
        if trigger.wait and state != "success":
            return Underway(state, EVERY)
        return Delivered({"dag": trigger.dag, "run": trigger.run, "state": state})

    def _ask(self, method: str, base: str, trigger: _Trigger, path: str, body: bytes | None) -> Answer | None:
        """The answer to one who may ask; None where nobody could be made of user and password."""
        root = Template(base).resolve(self._references).rstrip("/")
        headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", "Content-Type": "application/json"}
        for renewed in (False, True):
            permit = self._permit(root, trigger, renewed)
            if permit is None:
                return None
            answer = self._outbound.request(method, root + path, headers | {"Authorization": permit}, body)
            if answer.status != 401 or trigger.token is not None or trigger.api == "v1":
                break  # a token that was got by a password may have run out
        return answer

    def _permit(self, root: str, trigger: _Trigger, renewed: bool) -> str | None:
        if trigger.token is not None:
            return f"Bearer {Template(trigger.token).resolve(self._references)}"
        assert trigger.user is not None
        assert trigger.password is not None
        user = Template(trigger.user).resolve(self._references)
        password = Template(trigger.password).resolve(self._references)
        if trigger.api == "v1":
            return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        with self._lock:
            known = None if renewed else self._tokens.get((root, user))
        token = known or self._token(root, user, password)
        if token is None:
            return None
        with self._lock:
            self._tokens[root, user] = token
        return f"Bearer {token}"

    def _token(self, root: str, user: str, password: str) -> str | None:
        headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", "Content-Type": "application/json"}
        body = json.dumps({"username": user, "password": password}).encode()
        answer = self._outbound.request("POST", f"{root}/auth/token", headers, body)
        if isinstance(later := judged(answer), Postponed):
            raise NoAnswer(f"{later.reason} when it was asked for a token")
        said = answers.parsed(answer)
        token = said.get("access_token") if isinstance(said, dict) else None
        return token if 200 <= answer.status < 300 and isinstance(token, str) and token else None


def _state(answer: Answer) -> str:
    """One of the states that Airflow knows: nothing else that an answer says is kept."""
    said = answers.parsed(answer)
    state = said.get("state") if isinstance(said, dict) else None
    return state if state in _STATES else "unknown"
