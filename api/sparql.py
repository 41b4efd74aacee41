"""SPARQL 1.1 over HTTP: `GET|POST /sparql` answers queries as the caller may see the graph, now or as of any instant.

Follows the SPARQL 1.1 Protocol (W3C 2013): a query by GET, by POST of a form, or by POST as it is; the dataset by
`default-graph-uri` and `named-graph-uri`; the format by Accept. GET without a query answers the service's description.
Beyond it: `valid`, `known` and `position` say as of when, `Andon-Min-Position` what must be read already, and
`Andon-Position` in the answer what was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.types import Receive, Scope, Send

from api.accept import accept_of, choose
from api.auth import Scope as KeyScope
from api.bodies import read_body
from api.front import CALLER
from api.metrics import Metrics
from api.problems import MethodNotAllowed, NotAcceptable, UnsupportedMediaType
from api.reading import PARAMETERS, POSITION, Patience, as_of, min_position
from graph.errors import InvalidInput, NotAllowed, Unavailable
from graph.journal import Journal
from graph.model import Position
from graph.rdf.mapping import INFERRED, PEOPLE
from graph.rdf.question import Asked
from graph.rdf.syntax import TYPE, Quad, n_quads, turtle
from graph.rdf.terms import Terms

if TYPE_CHECKING:
    from graph.rdf.asking import Rdf
    from graph.rdf.worker import Answer

FORM, QUERY, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
MAX_QUERY_BYTES = 1_000_000

SOLUTIONS: Mapping[str, str] = {
    "application/sparql-results+json": "json",
    "application/sparql-results+xml": "xml",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/xml": "xml",
}
"""Media types of solutions and of yes or no, the first the one for who takes anything."""

GRAPHS: Mapping[str, str] = {
    "text/turtle": "turtle",
    "application/n-triples": "ntriples",
    "application/ld+json": "jsonld",
    "application/rdf+xml": "rdfxml",
    "application/json": "jsonld",
    "application/xml": "rdfxml",
}
"""Media types of graphs: of CONSTRUCT and DESCRIBE."""


@dataclass(frozen=True, slots=True)
class Request:
    """One query as it came; `parameters` are those of `reading.as_of`."""

    query: str
    parameters: Mapping[str, str]
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]


class SparqlDoor:
    """An ASGI application for `/sparql`. `threads` requests run at once, `queue` may wait."""

    def __init__(
        self,
        rdf: Rdf,
        journal: Journal,
        patience: Patience,
        terms: Callable[[], Terms],
        metrics: Metrics,
        *,
        threads: int,
        queue: int,
        wait: float,
    ) -> None:
        self._rdf = rdf
        self._journal = journal
        self._patience = patience
        self._terms = terms
        self._metrics = metrics
        self._threads = threads
        self._queue = queue
        self._wait = wait
        self._limiter: anyio.CapacityLimiter | None = None
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[CALLER].require(KeyScope.READ)
        request = await _read(scope, receive)
        if request is None:
            await _describe(scope, self._terms(), send)
            return
        accept = accept_of(scope["headers"])
        solutions, graph = choose(accept, tuple(SOLUTIONS)), choose(accept, tuple(GRAPHS))
        if solutions is None and graph is None:
            raise NotAcceptable(f"the answer can be had as {', '.join((*SOLUTIONS, *GRAPHS))}", field="Accept")
        asked = await self._asked(request, scope, solutions, graph)
        answer, position = await self._ask(asked)
        media = solutions if answer.outcome == "solutions" else graph
        if answer.outcome == "unacceptable" or media is None:
            raise NotAcceptable(
                f"the query's answer is {answer.body.decode()}, which Accept does not take", field="Accept"
            )
        headers = [(POSITION, str(int(position)).encode()), (b"vary", b"accept"), (b"cache-control", b"no-store")]
        await _send(media, answer.body, headers, send, scope["method"])

    async def _asked(self, request: Request, scope: Scope, solutions: str | None, graph: str | None) -> Asked:
        wanted = as_of(request.parameters, self._journal)
        least = min_position(scope["headers"])
        await self._patience.await_position(max(least, wanted.position or 0))
        return Asked(
            query=request.query,
            as_of=wanted,
            min_position=least,
            solutions=None if solutions is None else SOLUTIONS[solutions],
            graph=None if graph is None else GRAPHS[graph],
            default_graphs=request.default_graphs,
            named_graphs=request.named_graphs,
            prefixes=self._terms().prefixes,
        )

    async def _ask(self, asked: Asked) -> tuple[Answer, Position]:
        if self._limiter is None:  # made here because it belongs to the running event loop
            self._limiter = anyio.CapacityLimiter(self._threads)
        if self._inside >= self._threads + self._queue:
            raise Unavailable("too many SPARQL queries are waiting")
        self._inside += 1
        try:
            with self._metrics.sparql_seconds.time():
                return await anyio.to_thread.run_sync(self._rdf.ask, asked, self._wait, limiter=self._limiter)
        finally:
            self._inside -= 1


class NoSparql:
    """Stands in where there is no RDF, and says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[CALLER].require(KeyScope.READ)
        raise Unavailable(self._why, retry_after=3600)


# Requests ----------------------------------------------------------------------------------------------------


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The query that a request carries, None for a GET without one."""
    in_url = _pairs(scope["query_string"])
    method = scope["method"]
    if method in ("GET", "HEAD"):
        return _request(in_url) if any(name in ("query", "update") for name, _ in in_url) else None
    if method != "POST":
        raise MethodNotAllowed("SPARQL is asked by GET and POST")
    media = _media_type(scope["headers"])
    if media == UPDATE:
        raise _no_updates()
    if media not in (FORM, QUERY):
        raise UnsupportedMediaType(f"expected {QUERY} or {FORM}, found {media!r}", field="Content-Type")
    body = await read_body(scope["headers"], receive, MAX_QUERY_BYTES, frozenset({FORM, QUERY}))
    if media == FORM:
        return _request([*_pairs(body), *(it for it in in_url if it[0] in PARAMETERS)])
    try:
        return _request([("query", body.decode()), *in_url])
    except UnicodeDecodeError:
        raise InvalidInput("the query is not UTF-8", field="query") from None


def _request(pairs: Sequence[tuple[str, str]]) -> Request:
    if any(name == "update" for name, _ in pairs):
        raise _no_updates()
    queries = [value for name, value in pairs if name == "query"]
    if len(queries) != 1:
        raise InvalidInput(f"expected one query, found {len(queries)}", field="query")
    if not queries[0].strip():
        raise InvalidInput("expected a SPARQL query", field="query")
    parameters = {name: value for name, value in pairs if name in PARAMETERS}
    if sum(name in PARAMETERS for name, _ in pairs) > len(parameters):
        raise InvalidInput(f"expected each of {', '.join(PARAMETERS)} once")
    default = tuple(_graph(value) for name, value in pairs if name == "default-graph-uri")
    named = tuple(_graph(value) for name, value in pairs if name == "named-graph-uri")
    return Request(queries[0], parameters, default, named)


def _graph(text: str) -> str:
    if ":" not in text or any(it <= " " or it in '<>"{}|^`\\' for it in text):
        raise InvalidInput(f"expected the IRI of a graph, found {text[:100]!r}", field="default-graph-uri")
    return text


def _no_updates() -> NotAllowed:
    return NotAllowed("updates are not taken: RDF changes with what Andon is sent, and with nothing else")


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise InvalidInput("the parameters are not percent-encoded UTF-8") from None


def _media_type(headers: Iterable[tuple[bytes, bytes]]) -> str:
    found = next((value for name, value in headers if name == b"content-type"), b"")
    return found.decode("latin-1").partition(";")[0].strip().lower()


async def _send(media: str, body: bytes, headers: list[tuple[bytes, bytes]], send: Send, method: str) -> None:
    charset = "; charset=utf-8" if media.startswith("text/") else ""
    fixed = [(b"content-type", f"{media}{charset}".encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


# The service's description ------------------------------------------------------------------------------------


async def _describe(scope: Scope, terms: Terms, send: Send) -> None:
    """SPARQL 1.1 Service Description (W3C 2013)."""
    media = choose(accept_of(scope["headers"]), ("text/turtle", "application/n-triples"))
    if media is None:
        raise NotAcceptable("the description can be had as text/turtle or application/n-triples", field="Accept")
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")
    endpoint = f"<{scope.get('scheme', 'http')}://{host}/sparql>"
    lines = list(_description(endpoint))
    text = "".join(turtle(lines, terms.shortening) if media == "text/turtle" else n_quads(lines))
    await _send(media, text.encode(), [(b"vary", b"accept"), (b"cache-control", b"no-cache")], send, scope["method"])


def _description(endpoint: str) -> Iterable[Quad]:
    def sd(name: str) -> str:
        return f"<http://www.w3.org/ns/sparql-service-description#{name}>"

    formats = ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV")
    yield endpoint, TYPE, sd("Service"), ""
    yield endpoint, sd("endpoint"), endpoint, ""
    yield endpoint, sd("supportedLanguage"), sd("SPARQL11Query"), ""
    for name in (*formats, "Turtle", "N-Triples", "JSON-LD", "RDF_XML"):
        yield endpoint, sd("resultFormat"), f"<http://www.w3.org/ns/formats/{name}>", ""
    yield endpoint, sd("defaultDataset"), "_:dataset", ""
    yield "_:dataset", TYPE, sd("Dataset"), ""
    yield "_:dataset", sd("defaultGraph"), "_:default", ""
    yield "_:dataset", sd("namedGraph"), "_:people", ""
    yield "_:dataset", sd("namedGraph"), "_:inferred", ""
    yield "_:default", TYPE, sd("Graph"), ""
    for node, graph in (("_:people", PEOPLE), ("_:inferred", INFERRED)):
        yield node, TYPE, sd("NamedGraph"), ""
        yield node, sd("name"), graph, ""
