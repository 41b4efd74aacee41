"""A running service as commands see it: takes documents of facts, answers GraphQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
import requests

from graph.errors import InvalidInput, NotAllowed, Unavailable

FACTS_PATH = "/api/v1/facts"
_SECONDS = 60  # for one request
_TRIES = 5
_LONGEST_PAUSE = 10.0  # seconds, whatever the service asks for
_PAGE = 1_000


class Remote:
    """The service at `url`. Raises `NotAllowed`, `InvalidInput` and `Unavailable` as it answers.

    What is not taken for the moment (503) is tried again a few times.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc: the key goes to this address and nowhere else
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def tell(self, document: bytes) -> tuple[int, bool]:
        """Have one document of facts taken; (its position, whether it was known already)."""
        answer = self._post(FACTS_PATH, document, {})
        return int(answer.headers.get("Andon-Position", 0)), answer.status_code == 200

    def ask(self, query: str, variables: Mapping[str, object], position: int = 0) -> dict[str, Any]:
        """The data of a GraphQL answer that has read the journal up to `position`."""
        headers = {"Andon-Min-Position": str(position)} if position else {}
        body = msgspec.json.encode({"query": query, "variables": variables})
        answer: dict[str, Any] = msgspec.json.decode(self._post("/graphql", body, headers).content)
        for error in answer.get("errors", ()):
            raise InvalidInput(str(error.get("message")), field=str(error.get("extensions", {}).get("field") or ""))
        data: dict[str, Any] = answer["data"]
        return data

    def catch_up(self) -> None:
        """Wait until all that the service has received is in its graph."""
        received = self.ask("{ status { positionReceived } }", {})["status"]["positionReceived"]
        self.ask("{ status { version } }", {}, received)

    def entities(self, filter: Mapping[str, object], fields: str) -> Iterator[dict[str, Any]]:
        """Every entity that passes, with these fields."""
        query = (
            "query($filter: EntityFilter, $first: Int, $after: String) {"
            " entities(filter: $filter, first: $first, after: $after) {"
            f" nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )
        after: str | None = None
        while True:
            page = self.ask(query, {"filter": filter, "first": _PAGE, "after": after})["entities"]
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = self._session.post(
                    self._url + path,
                    data=body,
                    headers={"Content-Type": "application/json", **headers},
                    timeout=_SECONDS,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                raise Unavailable(f"{self._url} does not answer: {error}") from None
            if answer.status_code != 503 or not tries_left:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), _LONGEST_PAUSE))
        return _checked(answer, self._url)


def _checked(answer: requests.Response, url: str) -> requests.Response:
    if answer.ok and answer.status_code < 300:
        return answer
    reason, field = _problem(answer)
    if answer.status_code in (401, 403):
        raise NotAllowed(f"{reason}; the key is the setting api_key")
    if answer.status_code in (400, 413, 415, 422):
        raise InvalidInput(reason, field=field)
    raise Unavailable(f"{url} answered {answer.status_code}: {reason}")


def _problem(answer: requests.Response) -> tuple[str, str]:
    """The reason and field of problem details (RFC 9457) or of GraphQL's errors, or what stands there instead."""
    try:
        details: dict[str, Any] = msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return answer.reason or "no reason given", ""
    for error in details.get("errors", ()):
        return str(error.get("message")), str(error.get("extensions", {}).get("field") or "")
    reason = str(details.get("detail") or details.get("title"))
    field = str(details.get("field") or "")
    return reason.removeprefix(f"{field}: "), field
