"""The one place that ties the parts together: from settings to a service with its HTTP interface.

journal -> projector (decoders by envelope kind) -> store -> GraphQL and rules; the doors write to the
journal.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

import ontology as ontologies
from api.auth import Keys, open_keys
from api.auth import Scope as KeyScope
from api.front import CALLER, Front, host_check
from api.graphql import Engine, GraphQLDoor, Services, build_schema
from api.graphql.limits import Limits
from api.metrics import MEDIA_TYPE, Metrics
from api.openlineage import BatchDoor, EventDoor
from api.page import Page, to_page
from api.problems import MethodNotAllowed, problem
from api.settings import ROLES, Settings
from api.version import version
from graph import failpoint
from graph.errors import AndonError, Conflict, InvalidInput, NotFound, Unavailable
from graph.model import Envelope, Instant
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from graph.statements import Statements
from ingest import action, mutation, openlineage
from rules import RuleService
from rules.service import OUTBOX_FILE
from rules.sqlite_outbox import SqliteOutbox

if TYPE_CHECKING:
    from graph.neo4j import Neo4jGraph
    from graph.postgres import PostgresGraph
    from graph.postgres_journal import PostgresJournal
    from graph.postgres_rebuilding import Rebuilder
    from rules.outbox import Outbox

log = logging.getLogger("andon")

JOURNAL_FILE = "journal.db"
GRAPH_FILE = "graph.db"
GRAPHQL_BODY_BYTES = 1_000_000  # 2,000 tokens and their variables are far less

Decoders = Mapping[str, Callable[[Envelope], Statements]]


def now() -> Instant:
    return Instant(time.time_ns() // 1_000)


def open_journal(settings: Settings, on_broken: Callable[[], None] | None = None) -> SqliteJournal | PostgresJournal:
    """The journal that these settings name, to write."""
    if settings.postgres_url:
        from graph.postgres_journal import PostgresJournal  # optional: only who names a PostgreSQL needs its driver

        return PostgresJournal(
            settings.postgres_url,
            max_pending=settings.journal_queue,
            max_pending_bytes=settings.journal_queue_bytes,
        )
    return SqliteJournal(
        settings.data / JOURNAL_FILE,
        synchronous=settings.journal_synchronous,
        max_pending=settings.journal_queue,
        max_pending_bytes=settings.journal_queue_bytes,
        on_broken=on_broken,
    )


def open_graph(settings: Settings, ontology: ontologies.Ontology) -> SqliteGraph | PostgresGraph:
    """The fold state that these settings name."""
    if settings.postgres_url:
        from graph.postgres import PostgresGraph

        return PostgresGraph(settings.postgres_url, ontology)
    return SqliteGraph(settings.data / GRAPH_FILE, ontology)


def open_outbox(settings: Settings) -> Outbox:
    if settings.postgres_url:
        from rules.postgres_outbox import PostgresOutbox

        return PostgresOutbox(settings.postgres_url)
    return SqliteOutbox(settings.data / OUTBOX_FILE)


def decoders(ontology: ontologies.Ontology) -> Decoders:
    """Which decoder reads which kind of envelope."""
    return {
        "openlineage": openlineage.Decoder(ontology.kind_for_namespace),
        mutation.KIND: mutation.decode,
        mutation.REDACTION: mutation.decode,
        "action": action.decode,
    }


class Service:
    """Everything that runs, from `start` to `stop`; `asgi` is what a web server serves meanwhile.

    `on_broken` is called, from a thread, when the disk did not keep its word and only a restart can help.
    Raises `Conflict` for a data folder that another process uses, and where the settings would open the
    service to the network without a key.
    """

    def __init__(self, settings: Settings, on_broken: Callable[[], None] | None = None) -> None:
        self.settings = settings
        if settings.role and set(settings.role) != set(ROLES) and not settings.postgres_url:
            raise InvalidInput("fewer roles than all need PostgreSQL: name one by postgres_url", field="role")
        settings.data.mkdir(parents=True, exist_ok=True)
        self.keys = open_keys(settings)
        _check_exposure(settings, self.keys)
        if settings.failpoint:
            failpoint.arm(settings.failpoint)
        ontology = ontologies.load(Path(settings.ontology) if settings.ontology else None)
        self.journal = open_journal(settings, on_broken)
        self.graph = open_graph(settings, ontology)
        self.rules = RuleService(
            Path(settings.rules) if settings.rules else None,
            settings.data,
            self.graph.snapshot,
            self.graph.changes,
            self._received_at,
            lambda envelope: self.journal.append((envelope,)),
            settings.references,
            frozenset(settings.webhook_hosts),
            ontology=ontology,
            outbox=open_outbox(settings),
            clock=self.journal.now,
        )
        self.neo4j = self._project_to_neo4j(ontology)
        listeners = [self.rules.notice] + ([self.neo4j.projection.notice] if self.neo4j is not None else [])
        self.projector = Projector(
            self.journal,
            self.graph,
            decoders(ontology),
            listeners,
            leadership=None if isinstance(self.graph, SqliteGraph) else self.graph,
            follows_only=not settings.plays("projector"),
        )
        self.rebuilder = self._rebuild_beside(ontology)
        self.metrics = Metrics(
            self.journal.last_position, lambda: self.projector.position, self.journal.dead_letter_count
        )
        if self.neo4j is not None:
            projection = self.neo4j.projection
            self.metrics.watch_neo4j(lambda: projection.position, lambda: projection.walks)
        self.asgi = self._build_asgi(ontology)

    def _rebuild_beside(self, ontology: ontologies.Ontology) -> Rebuilder | None:
        """What makes the graph anew where that does not stop the projector's work: on the server stack."""
        if isinstance(self.graph, SqliteGraph) or not self.settings.plays("projector"):
            return None
        from graph.postgres_rebuilding import Rebuilder

        return Rebuilder(self.journal, self.graph, ontology, decoders(ontology))

    def _project_to_neo4j(self, ontology: ontologies.Ontology) -> Neo4jGraph | None:
        settings = self.settings
        if not settings.neo4j_uri:
            return None
        from graph.neo4j import Connection, Neo4jGraph  # optional: only who names a Neo4j needs it

        connection = Connection(
            settings.neo4j_uri, settings.neo4j_user, settings.neo4j_password, settings.neo4j_database
        )
        graph = self.graph
        token = (lambda: 1) if isinstance(graph, SqliteGraph) else (lambda: graph.token)
        return Neo4jGraph(graph, lambda: self.projector, connection, ontology, token)

    def start(self) -> None:
        self.projector.start()
        if self.rebuilder is not None:
            self.rebuilder.start()
        if self.settings.plays("scheduler"):
            self.rules.start()
        if self.neo4j is not None:
            self.neo4j.projection.start()

    def stop(self) -> None:
        """In this order: rules, projector, journal; what is pending in the journal is still written."""
        self.rules.stop()
        if self.rebuilder is not None:
            self.rebuilder.stop()
        self.projector.stop()
        if self.neo4j is not None:
            self.neo4j.projection.stop()
        self.journal.close()
        self.graph.close()
        self.keys.close()

    @property
    def unready(self) -> str | None:
        """Why the service cannot do its work; None if it can."""
        if not self.journal.is_writable:
            return "the journal cannot be written"
        return None if self.projector.is_alive else "the projector has stopped"

    def _received_at(self, position: int) -> Instant:
        envelope = self.journal.envelope(position)
        if envelope is None:
            raise NotFound(f"there is no envelope at position {position}")
        return envelope.received_at

    def _build_asgi(self, ontology: ontologies.Ontology) -> ASGIApp:
        settings = self.settings
        schema, _ = build_schema(ontology)
        services = Services(
            reader=self.graph if self.neo4j is None else self.neo4j,
            journal=self.journal,
            progress=self.projector,
            ontology=ontology,
            firings=self.rules.firings,
            authentication=lambda: self.keys.required,
            now=self.journal.now,
            started_at=now(),
            version=version(),
            lineage_max_nodes=settings.lineage_max_nodes,
            position_wait=settings.position_wait,
        )
        allowed = Limits(
            settings.graphql_max_depth,
            settings.graphql_max_cost,
            settings.graphql_max_aliases,
            settings.graphql_max_tokens,
        )
        graphql = GraphQLDoor(
            Engine(schema, services, allowed, introspection=settings.introspection),
            self.projector if self.neo4j is None else self.neo4j,
            self.metrics,
            threads=settings.graphql_threads,
            queue=settings.graphql_queue,
            timeout=settings.graphql_timeout,
            position_wait=settings.position_wait,
            max_batch=settings.graphql_max_batch,
            max_body_bytes=min(settings.max_body_bytes, GRAPHQL_BODY_BYTES),
        )
        limit = settings.max_body_bytes
        app = FastAPI(title="Andon", version=version(), docs_url=None, redoc_url=None, lifespan=self._lifespan)
        app.router.routes[:0] = [
            Route("/graphql/editor.js", graphql, methods=["GET"]),
            Route("/graphql/editor.css", graphql, methods=["GET"]),
            Route("/", to_page, methods=["GET"]),
            Route("/ui", to_page, methods=["GET"]),
            Mount("/ui", Page()),
        ]
        if not settings.plays("api"):
            app.router.routes.clear()
        self._add_health(app)
        _add_problems(app)
        doors: dict[str, ASGIApp] = {
            "/api/v1/lineage": EventDoor(self.journal, self.metrics, limit, openlineage.accept),
            "/api/v1/lineage/batch": BatchDoor(self.journal, self.metrics, limit, openlineage.split_batch),
            "/graphql": graphql,
        }
        played = {"/graphql": "api"}
        doors = {path: door for path, door in doors.items() if settings.plays(played.get(path, "receiver"))}
        return Front(app, doors, self.keys, host_check(settings.allowed_hosts))

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        self.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(self.stop)

    def _add_health(self, app: FastAPI) -> None:
        @app.get("/healthz", summary="The process answers", response_class=PlainTextResponse)
        async def healthz() -> str:
            return "ok\n"

        @app.get("/readyz", summary="Events are taken and reach the graph", response_class=PlainTextResponse)
        async def readyz() -> str:
            if (why := self.unready) is not None:
                raise Unavailable(why, retry_after=5)
            return "ready\n"

        @app.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
        def scrape(request: Request) -> Response:
            request.scope[CALLER].require(KeyScope.READ)
            return Response(self.metrics.render(), media_type=MEDIA_TYPE)


def _add_problems(app: FastAPI) -> None:
    """FastAPI's own errors as problem details, like all others."""

    async def respond(_request: Request, error: Exception) -> Response:
        answer = problem(error)
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        return Response(answer.body, answer.status, headers)

    async def respond_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return await respond(request, MethodNotAllowed(f"{request.method} does nothing here"))
        if error.status_code == 404:
            return await respond(request, NotFound(f"there is nothing at {request.url.path[:200]}"))
        return await respond(request, InvalidInput(str(error.detail)))

    app.add_exception_handler(HTTPException, respond_http)
    app.add_exception_handler(AndonError, respond)
    app.add_exception_handler(Exception, respond)
    app.add_exception_handler(RequestValidationError, respond)


def _check_exposure(settings: Settings, keys: Keys) -> None:
    """Raises `Conflict` where the settings are for loopback only."""
    if settings.on_loopback:
        return
    if not keys.required:
        raise Conflict(
            f"{settings.host} can be reached by others and there is no key: make one with"
            f" 'andon keys add NAME --scope emit,read,write --data {settings.data}', or listen on 127.0.0.1"
        )
    if settings.failpoint:
        raise Conflict("failpoint is for tests on loopback")


def die() -> None:
    """End the process at once: the disk did not keep its word, and only reading it again tells the truth."""
    log.critical("the journal could not be made durable: stopping; start Andon again")
    logging.shutdown()
    os._exit(74)  # EX_IOERR


__all__ = ["Service", "die", "open_journal", "open_keys"]
