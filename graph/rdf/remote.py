"""A triple store at a server of SPARQL 1.1: GraphDB, Fuseki, Oxigraph, Stardog and the like, by HTTP.

What is in the store's default graph is Andon's alone. Every update is fenced: it does nothing where the store holds
another mark than the update starts from, so that a process that has lost its lease writes nothing. A build has a mark
of its own, which whoever begins another one takes away; a part that is loaded by the Graph Store protocol, which knows
no conditions, looks for it just before.

What takes more than one request is marked as unfinished until it is done: broken off, it is built anew.

Sources: SPARQL 1.1 Protocol, SPARQL 1.1 Update, SPARQL 1.1 Graph Store HTTP Protocol (W3C, 2013).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import requests

from graph.errors import Conflict, InvalidInput, TookTooLong, TooLarge, Unavailable

from .delta import Delta
from .store import held_of
from .syntax import XSD, Quad, iri, literal, n_quads
from .updating import (
    ANYTHING_QUERY,
    GRAPHS,
    MARK,
    MARK_QUERY,
    Held,
    Rows,
    data,
    marked,
    moving,
    read_mark,
    statements,
    update_of,
)
from .worker import Answer, Question, calls_service

_JSON = "application/sparql-results+json"
_CONNECT_SECONDS = 5.0
_WRITE_SECONDS = 120.0
_UPDATE_BYTES = 4_000_000  # of one request; a greater update is sent in parts, its mark last
_LOAD_BYTES = 8_000_000
_BLOCK = 65_536
_NOT_ACCEPTABLE = 406
_UNFINISHED = iri("urn:andon:graph:projection#unfinished")

_MEDIA = {
    "json": _JSON,
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "turtle": "text/turtle",
    "ntriples": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdfxml": "application/rdf+xml",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers and takes updates; `store_url` (Graph Store protocol) is used to load where it is given."""

    query_url: str
    update_url: str
    store_url: str = ""
    user: str = ""
    password: str = ""
    ca: str = ""
    """File of the certificates to trust instead of the usual ones."""


class RemoteStore:
    """A `TripleStore`, and what answers the queries of callers. Raises `Unavailable` while the server is away."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._local = threading.local()

    @property
    def _http(self) -> requests.Session:
        """One a thread: sessions are not to be shared."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
            session.verify = self._server.ca or True
            if self._server.user:
                session.auth = (self._server.user, self._server.password)
        return session

    # Writing -------------------------------------------------------------------------------------------------

    def select(self, query: str) -> Rows:
        response = self._send("POST", self._server.query_url, data={"query": query}, headers={"Accept": _JSON})
        try:
            answer = response.json()
            names = answer["head"]["vars"]
            bindings = answer["results"]["bindings"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the SPARQL server gave no JSON results: is sparql_url a query endpoint?") from error
        for binding in bindings:
            yield [_term(binding[name]) if name in binding else "" for name in names]

    def held(self) -> Held | None:
        mark = list(self.select(MARK_QUERY))
        return None if any(predicate == _UNFINISHED for predicate, _ in mark) else read_mark(mark)

    def apply(self, delta: Delta, before: Held, after: Held) -> None:
        update = update_of(delta, held_of(delta, self))
        requests = list(_requests(statements(update, after, delta.terms, fence=before)))
        if len(requests) > 1:
            unfinished = f"{MARK} {_UNFINISHED} {literal(secrets.token_hex(8))}"
            self._update([f"INSERT {{ GRAPH {MARK} {{ {unfinished} }} }} WHERE {{ {marked(before)} }}"])
        for operations in requests:
            self._update(operations)
        self._expect(after)

    def build(self, parts: Iterable[Iterable[Quad]], held: Held) -> None:
        is_ours = bool(list(self.select(MARK_QUERY)))
        if not is_ours and list(self.select(ANYTHING_QUERY)):
            raise Conflict("the RDF store holds something that Andon has not put there: name an empty one")
        unfinished = self._clear()
        for part in _batches(parts):
            self._load(part, unfinished)
        self._update(list(moving(held, unfinished)))
        self._expect(held)

    def _expect(self, held: Held) -> None:
        """What was written did nothing where another one came in between."""
        if self.held() != held:
            raise Unavailable("another Andon writes to this RDF store: looking again", retry_after=2)

    def forget_others(self, incarnation: int) -> None:
        held = self.held()
        if held is not None and held.mark.incarnation != incarnation:
            self._clear()

    def _clear(self) -> str:
        """Empty the store, but for a mark that it is ours and unfinished; answers the pattern that finds this mark."""
        mark = f"{MARK} {_UNFINISHED} {literal(secrets.token_hex(8))}"
        self._update(
            [
                f"CLEAR SILENT GRAPH {MARK}",
                f"INSERT DATA {{ GRAPH {MARK} {{ {mark} }} }}",
                "CLEAR DEFAULT",
                *(f"CLEAR SILENT GRAPH {graph}" for graph in GRAPHS),
            ]
        )
        return f"GRAPH {MARK} {{ {mark} }}"

    def _load(self, quads: list[Quad], unfinished: str) -> None:
        if not self._server.store_url:
            for operations in _requests(data("INSERT", quads, unfinished)):
                self._update(operations)
            return
        for graph in dict.fromkeys(quad[3] for quad in quads):
            if not list(self.select(f"SELECT ({MARK} AS ?it) WHERE {{ {unfinished} }}")):
                raise Unavailable("another Andon writes to this RDF store: looking again", retry_after=2)
            triples = "".join(n_quads((*quad[:3], "") for quad in quads if quad[3] == graph))
            self._send(
                "POST",
                self._server.store_url,
                params={"graph": graph[1:-1]} if graph else {"default": ""},
                data=triples.encode(),
                headers={"Content-Type": "application/n-triples"},
                seconds=_WRITE_SECONDS,
            )

    def _update(self, operations: Iterable[str]) -> None:
        """As one request, which a server carries out whole or not at all."""
        self._send(
            "POST",
            self._server.update_url,
            data=" ;\n".join(operations).encode(),
            headers={"Content-Type": "application/sparql-update"},
            seconds=_WRITE_SECONDS,
        )

    def close(self) -> None: ...

    # Answering -----------------------------------------------------------------------------------------------

    def ask(self, question: Question) -> Answer:
        """Have the server answer a caller's query; the same errors as `Workers.ask`.

        A query that takes too long ends here; how soon it ends there is the server's to say.
        """
        if calls_service(question.query, when_in_doubt=True):
            raise InvalidInput("SERVICE is not allowed here: a query asks this graph only", field="query")
        accepted = [_MEDIA[it] for it in (question.solutions, question.graph) if it is not None]
        body: dict[str, Any] = {"query": question.query}
        if question.default_graphs or question.named_graphs:
            body |= {"default-graph-uri": question.default_graphs, "named-graph-uri": question.named_graphs}
        headers = {"Accept": ", ".join(accepted)}
        deadline = time.monotonic() + question.seconds
        response = self._send(
            "POST", self._server.query_url, data=body, headers=headers, seconds=question.seconds, stream=True
        )
        if response.status_code == _NOT_ACCEPTABLE:
            response.close()
            return Answer("unacceptable", b"in no such format, by the RDF store")
        media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        content = b"".join(_bounded(response, question, deadline))
        if question.solutions is not None and media == _MEDIA[question.solutions]:
            return Answer("solutions", content)
        if question.graph is not None and media == _MEDIA[question.graph]:
            return Answer("graph", content)
        return Answer("unacceptable", f"{media or 'nothing'}, by the RDF store".encode())

    def _send(
        self, method: str, url: str, *, seconds: float = 30.0, stream: bool = False, **options: Any
    ) -> requests.Response:
        try:
            response = self._http.request(
                method, url, timeout=(_CONNECT_SECONDS, seconds), stream=stream, allow_redirects=False, **options
            )
        except requests.ReadTimeout as error:
            raise TookTooLong(f"the RDF store took longer than {seconds:g} seconds") from error
        except requests.RequestException as error:
            raise Unavailable(f"the RDF store cannot be reached ({type(error).__name__})") from error
        status = response.status_code
        if status // 100 == 2 or (status == _NOT_ACCEPTABLE and stream):
            return response
        reason = response.text[:500] if stream or status == 400 else ""
        response.close()
        if status == 400 and stream:
            raise InvalidInput(f"the RDF store does not take this query: {reason}", field="query")
        if status in (401, 403):
            raise Unavailable("the RDF store refuses sparql_user and sparql_password", retry_after=30)
        raise Unavailable(f"the RDF store answers with status {status} {reason}".strip(), retry_after=2)


def _requests(operations: Iterable[str]) -> Iterator[list[str]]:
    """The operations in requests that are not too large."""
    waiting: list[str] = []
    size = 0
    for operation in operations:
        if waiting and size + len(operation) > _UPDATE_BYTES:
            yield waiting
            waiting, size = [], 0
        waiting.append(operation)
        size += len(operation)
    if waiting:
        yield waiting


def _bounded(response: requests.Response, question: Question, deadline: float) -> Iterator[bytes]:
    size = 0
    try:
        for block in response.iter_content(_BLOCK):
            size += len(block)
            if size > question.max_bytes:
                raise TooLarge(f"the answer is larger than {question.max_bytes} bytes: ask for less, or with LIMIT")
            if time.monotonic() > deadline:
                raise TookTooLong(f"the RDF store took longer than {question.seconds:g} seconds")
            yield block
    except requests.RequestException as error:
        raise TookTooLong("the RDF store did not end its answer in time") from error
    finally:
        response.close()


def _batches(parts: Iterable[Iterable[Quad]]) -> Iterator[list[Quad]]:
    waiting: list[Quad] = []
    size = 0
    for quad in chain.from_iterable(parts):
        waiting.append(quad)
        size += sum(map(len, quad)) + 8
        if size > _LOAD_BYTES:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def _term(binding: dict[str, str]) -> str:
    """An RDF term of SPARQL's JSON results as N-Triples has it."""
    if binding["type"] == "uri":
        return iri(binding["value"])
    if binding["type"] == "bnode":
        return f"_:{binding['value']}"
    text = literal(binding["value"])
    if "xml:lang" in binding:
        return f"{text}@{binding['xml:lang']}"
    datatype = binding.get("datatype")
    return text if datatype in (None, XSD + "string") else f"{text}^^{iri(datatype)}"
