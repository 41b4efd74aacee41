"""The one place that ties the parts together: from settings to a service with its HTTP interface.

journal -> projector (decoders by envelope kind) -> store -> GraphQL and rules; the doors write to the
journal.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
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
from api.approvals import PATH as APPROVALS
from api.approvals import ApprovalDoor, Links
from api.auth import Keys, open_keys
from api.auth import Scope as KeyScope
from api.facts import FactsDoor
from api.front import CALLER, Front, host_check
from api.gate import Changing, GateDoor
from api.graphql import Engine, GraphQLDoor, Services, build_schema
from api.graphql.asking import Asker, checker
from api.graphql.limits import Limits
from api.graphql.proof import premises_of
from api.linked_data import CatalogueDoor, LinkedData
from api.metrics import MEDIA_TYPE, Metrics
from api.ontology_door import OntologyDoor
from api.openlineage import BatchDoor, EventDoor
from api.page import Page, to_page
from api.problems import MethodNotAllowed, problem
from api.provenance import provenance
from api.reading import Patience
from api.settings import ROLES, Settings
from api.sparql import NoSparql, SparqlDoor
from api.version import version
from api.vocabulary import Vocabulary
from graph import failpoint
from graph.errors import AndonError, Conflict, InvalidInput, NotFound, Unavailable
from graph.model import Envelope, Instant, NewEnvelope
from graph.projector import Projector
from graph.rdf.question import Limits as RdfLimits
from graph.rdf.syntax import Quad
from graph.rdf.terms import Terms
from graph.reader import EntityQuery
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from graph.statements import Statements
from ingest import action, facts, mutation, openlineage, propagation, rule
from jobs.propagation import PropagationService
from jobs.scheduler import Scheduler
from rules import RuleService
from rules.actions.statement import Saying
from rules.service import OUTBOX_FILE
from rules.sources import Sources
from rules.sqlite_outbox import SqliteOutbox
from rules.targets import Tolerance

if TYPE_CHECKING:
    from api.shape_check import ShapeCheck
    from graph.neo4j import Neo4jGraph
    from graph.postgres import PostgresGraph
    from graph.postgres_journal import PostgresJournal
    from graph.postgres_rebuilding import Rebuilder
    from graph.rdf.asking import Rdf
    from rules.outbox import Outbox

log = logging.getLogger("andon")

JOURNAL_FILE = "journal.db"
GRAPH_FILE = "graph.db"
ONTOLOGY_FOLDER = "ontology"
RDF_FOLDER = "rdf"
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


def open_vocabulary(settings: Settings) -> Vocabulary:
    """The ontology that these settings name, with the own files."""
    folder = Path(settings.ontology_folder) if settings.ontology_folder else settings.data / ONTOLOGY_FOLDER
    return Vocabulary(Path(settings.ontology) if settings.ontology else None, folder)


def open_outbox(settings: Settings) -> Outbox:
    if settings.postgres_url:
        from rules.postgres_outbox import PostgresOutbox

        return PostgresOutbox(settings.postgres_url)
    return SqliteOutbox(settings.data / OUTBOX_FILE)


def decoders(ontology: ontologies.Ontology) -> Decoders:
    """Which decoder reads which kind of envelope."""
    return {
        "openlineage": openlineage.Decoder(
            ontology.kind_for_namespace,
            model_versions="ModelVersion" in ontology.classes,
            started_by="startedBy" in ontology.relations,
        ),
        mutation.KIND: mutation.decode,
        mutation.REDACTION: mutation.decode,
        facts.KIND: facts.Decoder(ontology),
        "action": action.decode,
        rule.KIND: rule.decode,
        propagation.KIND: propagation.decode,
    }


def limits_of(settings: Settings) -> Limits:
    """What one GraphQL operation may ask."""
    return Limits(
        settings.graphql_max_depth,
        settings.graphql_max_cost,
        settings.graphql_max_aliases,
        settings.graphql_max_tokens,
    )


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
        self.vocabulary = open_vocabulary(settings)
        ontology = self.vocabulary.ontology
        self.journal = open_journal(settings, on_broken)
        self.graph = open_graph(settings, ontology)
        self._ask_by(ontology)()
        self._links = links = Links(settings.approval_key, settings.public_url)
        outbox = open_outbox(settings)
        self.rules = RuleService(
            Path(settings.rules) if settings.rules else None,
            settings.data,
            Sources(
                self.graph.changes,
                self.graph.snapshot,
                self._received_at,
                self._cause,
                lambda query, variables, position: self._asker(query, variables, position),
                links.link,
            ),
            lambda envelope: self.journal.append((envelope,)),
            settings.references,
            frozenset(settings.webhook_hosts),
            ontology=ontology,
            outbox=outbox,
            say=said_by_rule,
            queries=lambda ontology: checker(ontology, limits_of(settings)),
            projects=Path(settings.mlflow_projects).resolve() if settings.mlflow_projects else None,
            read=self.journal.read,
            last_position=self.journal.last_position,
            clock=self.journal.now,
            tolerance=Tolerance(rate=settings.target_rate, failures=settings.target_failures),
        )
        self.scheduler = Scheduler(
            lambda: self.rules.rules,
            self.graph.snapshot,
            lambda envelope: self.journal.append((envelope,)),
            self.journal.now,
        )
        self.propagation = PropagationService(
            lambda: self.rules.propagations,
            snapshot=self.graph.snapshot,
            changes=self.graph.changes,
            received_at=self._received_at,
            append=self.journal.append,
            last_position=self.journal.last_position,
            progress=outbox,
        )
        self.neo4j = self._project_to_neo4j(ontology)
        self.terms = Terms(ontology)
        self.rdf, self._why_no_rdf = self._project_to_rdf()
        self.changing = Changing()
        listeners = [self.rules.notice, self.propagation.notice, self.changing.notice] + (
            [self.neo4j.projection.notice] if self.neo4j is not None else []
        )
        listeners += [self.rdf.notice] if self.rdf is not None else []
        self.projector = Projector(
            self.journal,
            self.graph,
            decoders(ontology),
            listeners,
            leadership=None if isinstance(self.graph, SqliteGraph) else self.graph,
            follows_only=not settings.plays("projector"),
        )
        self.projector.adopt(ontology, decoders(ontology))
        self.rebuilder = self._rebuild_beside(ontology)
        self.metrics = Metrics(
            self.journal.last_position, lambda: self.projector.position, self.journal.dead_letter_count
        )
        if self.neo4j is not None:
            projection = self.neo4j.projection
            self.metrics.watch_neo4j(lambda: projection.position, lambda: projection.walks)
        if self.rdf is not None:
            self.metrics.watch_rdf(self._rdf_position)
        self.asgi = self._build_asgi()
        for part in (self._keep_key_classes, self._ask_by, self.rules.prepare, self._class_anew, self._say_in_rdf):
            self.vocabulary.join(part)

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

    def _project_to_rdf(self) -> tuple[Rdf | None, str]:
        """RDF, or why there is none."""
        settings = self.settings
        writes = bool(settings.sparql_url) and settings.plays("projector")
        if settings.rdf == "off" or not (settings.plays("api") or writes):
            return None, "RDF is not kept here: see the setting rdf"
        if bool(settings.sparql_url) != bool(settings.sparql_update_url):
            raise InvalidInput("a SPARQL server has an address for queries and one for updates", field="sparql_url")
        try:
            from graph.rdf.asking import Rdf  # optional: only who has RDF needs Oxigraph
            from graph.rdf.remote import Server
        except ImportError:
            return None, "RDF needs more packages: pip install 'andon[rdf]'"
        graph = self.graph
        server = Server(
            settings.sparql_url,
            settings.sparql_update_url,
            settings.sparql_store_url,
            settings.sparql_user,
            settings.sparql_password,
            settings.sparql_ca,
        )
        limits = RdfLimits(
            seconds=settings.sparql_timeout,
            max_bytes=settings.sparql_max_bytes,
            workers=settings.sparql_threads,
            memory=settings.sparql_memory * 1_000_000,
            past_states=settings.rdf_past_states,
            past_triples=settings.rdf_past_triples,
        )
        rdf = Rdf(
            graph,
            lambda: self.projector.position,
            self.terms,
            settings.data / RDF_FOLDER,
            limits,
            server=server if settings.sparql_url else None,
            always=settings.rdf == "always",
            token=(lambda: 1) if isinstance(graph, SqliteGraph) else (lambda: graph.token),
        )
        return rdf, ""

    def _rdf_position(self) -> int:
        return 0 if self.rdf is None else self.rdf.position

    def _ask_by(self, ontology: ontologies.Ontology) -> Callable[[], None]:
        """Rules' questions by other words."""
        asker = Asker(self.graph, ontology, limits_of(self.settings), self.settings.lineage_max_nodes)

        def commit() -> None:
            self._asker = asker

        return commit

    def _say_in_rdf(self, ontology: ontologies.Ontology) -> Callable[[], None]:
        terms = Terms(ontology)

        def commit() -> None:
            self.terms = terms
            if self.rdf is not None:
                self.rdf.adopt(terms)

        return commit

    def start(self) -> None:
        self.projector.start()
        self.vocabulary.start()
        if self.rebuilder is not None:
            self.rebuilder.start()
        if self.settings.plays("scheduler"):
            self.rules.start()
            self.scheduler.start()
            self.propagation.start()
        if self.neo4j is not None:
            self.neo4j.projection.start()
        if self.rdf is not None:
            self.rdf.start()

    def stop(self) -> None:
        """In this order: rules, projector, journal; what is pending in the journal is still written."""
        self.vocabulary.stop()
        self.scheduler.stop()
        self.propagation.stop()
        self.rules.stop()
        if self.rebuilder is not None:
            self.rebuilder.stop()
        self.projector.stop()
        if self.neo4j is not None:
            self.neo4j.projection.stop()
        if self.rdf is not None:
            self.rdf.stop()
        self.journal.close()
        self.graph.close()
        self.keys.close()

    @property
    def unready(self) -> str | None:
        """Why the service cannot do its work; None if it can."""
        if not self.journal.is_writable:
            return "the journal cannot be written"
        return None if self.projector.is_alive else "the projector has stopped"

    def _proof(self, urn: str) -> Iterator[Quad]:
        """Of a firing, in RDF."""
        firing = self.rules.firing(urn)
        if firing is not None:
            owner = next((it.owner for it in self.rules.rules if it.name == firing.rule), None)
            yield from provenance(firing, premises_of(firing, self.journal), owner)

    def _received_at(self, position: int) -> Instant:
        envelope = self.journal.envelope(position)
        if envelope is None:
            raise NotFound(f"there is no envelope at position {position}")
        return envelope.received_at

    def _cause(self, position: int) -> str | None:
        """The firing by which a rule said what stands at a position; None where nobody but a rule could have."""
        return propagation.firing_behind(self.journal.envelope(position), self.journal.envelope)

    def _keep_key_classes(self, ontology: ontologies.Ontology) -> Callable[[], None]:
        """Raises `Conflict` where entities would be left without their key class."""
        kinds = {it.kind for it in self.vocabulary.ontology.key_classes} - {it.kind for it in ontology.key_classes}
        with self.graph.snapshot() as snapshot:
            for kind in sorted(kinds):
                found = snapshot.entities(EntityQuery(kinds=frozenset({kind}), include_dropped=True, first=1)).records
                if found:
                    raise Conflict(f"there are entities of the kind {kind!r}, such as {found[0].urn}: it cannot go")
        return lambda: None

    def _class_anew(self, ontology: ontologies.Ontology) -> Callable[[], None]:
        """Decoding, folding and reading by other words."""
        decoding = decoders(ontology)

        def commit() -> None:
            self.graph.ontology = ontology
            self.projector.adopt(ontology, decoding)
            if self.rebuilder is not None:
                self.rebuilder.adopt(ontology, decoding)
            if self.neo4j is not None:
                self.neo4j.projection.adopt(ontology)

        return commit

    def _engine(self, started_at: Instant, ontology: ontologies.Ontology) -> Engine:
        settings = self.settings
        schema, _ = build_schema(ontology)
        services = Services(
            reader=self.graph if self.neo4j is None else self.neo4j,
            journal=self.journal,
            progress=self.projector,
            ontology=ontology,
            acting=self.rules,
            authentication=lambda: self.keys.required,
            now=self.journal.now,
            started_at=started_at,
            version=version(),
            lineage_max_nodes=settings.lineage_max_nodes,
            position_wait=settings.position_wait,
            check_shapes=_shape_check(self.graph, ontology),
            rdf_position=lambda: self._rdf_position() or None,
        )
        allowed = limits_of(settings)
        return Engine(schema, services, allowed, introspection=settings.introspection)

    def _build_asgi(self) -> ASGIApp:
        settings = self.settings
        engine = partial(self._engine, now())
        graphql = GraphQLDoor(
            engine(self.vocabulary.ontology),
            self.projector if self.neo4j is None else self.neo4j,
            self.metrics,
            threads=settings.graphql_threads,
            queue=settings.graphql_queue,
            timeout=settings.graphql_timeout,
            position_wait=settings.position_wait,
            max_batch=settings.graphql_max_batch,
            max_body_bytes=min(settings.max_body_bytes, GRAPHQL_BODY_BYTES),
        )
        self.vocabulary.join(lambda ontology: partial(graphql.use, engine(ontology)))
        words = OntologyDoor(self.vocabulary)
        approvals = ApprovalDoor(self._links, self.rules, self.journal.now)
        patience = Patience(self.projector, settings.position_wait)
        linked = (self.graph, self.journal, patience, lambda: self.terms)
        limit = settings.max_body_bytes
        app = FastAPI(title="Andon", version=version(), docs_url=None, redoc_url=None, lifespan=self._lifespan)
        app.router.routes[:0] = [
            Route("/graphql/editor.js", graphql, methods=["GET"]),
            Route("/graphql/editor.css", graphql, methods=["GET"]),
            Route("/", to_page, methods=["GET"]),
            Route("/ui", to_page, methods=["GET"]),
            Mount("/ui", Page()),
            Route("/id/{entity:path}", LinkedData(*linked, self._proof), methods=["GET", "HEAD"]),
            Route(APPROVALS + "{firing}", approvals.ask, methods=["GET"]),
            Route(APPROVALS + "{firing}", approvals.answer, methods=["POST"]),
            Route("/api/v1/ontology", words.tell, methods=["GET"]),
            Route("/api/v1/ontology/{name}", words.put, methods=["POST", "PUT"]),
            Route("/api/v1/ontology/{name}", words.remove, methods=["DELETE"]),
        ]
        if not settings.plays("api"):
            app.router.routes.clear()
        self._add_health(app)
        _add_problems(app)
        doors: dict[str, ASGIApp] = {
            "/api/v1/lineage": EventDoor(self.journal, self.metrics, limit, openlineage.accept),
            "/api/v1/lineage/batch": BatchDoor(self.journal, self.metrics, limit, openlineage.split_batch),
            "/api/v1/facts": FactsDoor(
                self.journal,
                self.metrics,
                limit,
                lambda body: facts.accept(body, self.vocabulary.ontology),
                lambda body: facts.split_lines(body, self.vocabulary.ontology),
            ),
            "/api/v1/gate": GateDoor(self.graph, patience, lambda: self.vocabulary.ontology, self.changing),
            "/graphql": graphql,
            "/sparql": self._sparql(patience),
            "/catalog": CatalogueDoor(*linked),
        }
        played = {"/api/v1/gate": "api", "/graphql": "api", "/sparql": "api", "/catalog": "api"}
        doors = {path: door for path, door in doors.items() if settings.plays(played.get(path, "receiver"))}
        return Front(app, doors, self.keys, host_check(settings.allowed_hosts))

    def _sparql(self, patience: Patience) -> ASGIApp:
        settings = self.settings
        if self.rdf is None:
            return NoSparql(self._why_no_rdf)
        return SparqlDoor(
            self.rdf,
            self.journal,
            patience,
            lambda: self.terms,
            self.metrics,
            threads=settings.sparql_threads,
            queue=settings.sparql_queue,
            wait=settings.position_wait,
        )

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


def said_by_rule(saying: Saying) -> NewEnvelope:
    return mutation.said_by_rule(
        saying.name, saying.op, saying.target, {**saying.arguments, "firing": saying.firing}, saying.by, saying.at
    )


def _shape_check(graph: SqliteGraph | PostgresGraph, ontology: ontologies.Ontology) -> ShapeCheck | None:
    if find_spec("pyshacl") is None:  # it comes with the extra `rdf`
        return None
    from api.shape_check import ShapeCheck

    return ShapeCheck(graph, ontology)


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
