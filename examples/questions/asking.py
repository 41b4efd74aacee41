"""Asks a running service a question in both languages, over HTTP."""

from __future__ import annotations

import time
from typing import Any

import requests

from examples.questions.question import PROLOGUE, Instant, Question, Rows
from graph.errors import InvalidInput, Unavailable

_SECONDS = 60  # for one request
_TRIES = 20  # a past state is made when it is first asked for


class Service:
    """The service at `url`. Raises `InvalidInput` where it refuses a question, `Unavailable` where it is silent."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        if api_key:
            self._session.headers["Authorization"] = f"Bearer {api_key}"

    def received(self) -> int:
        """The position of all that it has been sent."""
        status = self._graphql("{ status { positionReceived } }", {}, 0)["status"]
        return int(status["positionReceived"])

    def graphql(self, question: Question, instant: Instant, position: int = 0) -> Rows:
        """The answer of a service that has read up to that position."""
        variables = {**question.variables, "asOf": dict(instant.as_of) or None}
        return question.of_graphql(self._graphql(question.graphql, variables, position))

    def sparql(self, question: Question, instant: Instant, position: int = 0) -> Rows:
        """The same in SPARQL."""
        headers = {"Accept": "application/sparql-results+json"}
        if not instant.as_of:
            headers["Andon-Min-Position"] = str(position)
        body = {"query": PROLOGUE + question.sparql, **instant.as_of}
        return question.of_sparql(self._post("/sparql", headers, data=body))

    def _graphql(self, query: str, variables: dict[str, object], position: int) -> dict[str, Any]:
        headers = {"Andon-Min-Position": str(position)}
        answer = self._post("/graphql", headers, json={"query": query, "variables": variables})
        for error in answer.get("errors", ()):
            raise InvalidInput(str(error["message"]))
        data: dict[str, Any] = answer["data"]
        return data

    def _post(self, path: str, headers: dict[str, str], **body: Any) -> dict[str, Any]:
        for _ in range(_TRIES):
            try:
                answer = self._session.post(self._url + path, headers=headers, timeout=_SECONDS, **body)
            except requests.RequestException as error:
                raise Unavailable(f"{self._url} does not answer: {error}") from None
            if answer.status_code != 503:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.status_code >= 500:
            raise Unavailable(f"{self._url}{path} answered {answer.status_code}: {answer.text}")
        if not answer.ok:
            raise InvalidInput(f"{path} answered {answer.status_code}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found
