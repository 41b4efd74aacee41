"""RDF as callers ask it: the present from the projection's store, the past from states made of it once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import structs

from graph.errors import Unavailable
from graph.model import Change, Position
from graph.reader import GraphReader

from .oxigraph import OxigraphStore
from .past import Past
from .projection import Projection
from .question import Asked, Limits
from .remote import RemoteStore, Server
from .terms import Terms
from .worker import Answer, Question
from .workers import Workers


class Rdf:
    """The graph as RDF: at `server`, or where there is none in `folder`, which is also where past states are."""

    def __init__(
        self,
        fold: GraphReader,
        folded: Callable[[], int],
        terms: Terms,
        folder: Path,
        limits: Limits,
        *,
        server: Server | None = None,
        always: bool = False,
        token: Callable[[], int] = lambda: 1,
    ) -> None:
        self._limits = limits
        self._workers = Workers(limits.workers, limits.memory)
        self._past = Past(fold.snapshot, terms, folder / "past", states=limits.past_states, triples=limits.past_triples)
        self._store = OxigraphStore(folder / "present") if server is None else RemoteStore(server)
        self.projection = Projection(
            fold,
            folded,
            self._store,
            terms,
            always=always,
            token=token if server is not None else lambda: 1,
            on_new_fold=self._past.forget,
        )

    @property
    def position(self) -> Position:
        """How far the store is known to be; 0 while nobody has asked."""
        return self.projection.position

    def adopt(self, terms: Terms) -> None:
        """Say everything by other terms: what is held is built anew."""
        self._past.adopt(terms)
        self.projection.adopt(terms)

    def start(self) -> None:
        self.projection.start()

    def notice(self, changes: Sequence[Change] = ()) -> None:
        self.projection.notice(changes)

    def stop(self) -> None:
        self._workers.close()
        self._past.close()
        self.projection.stop()

    def ask(self, asked: Asked, patience: float) -> tuple[Answer, Position]:
        """The answer and the position it is as of; waits up to `patience` seconds for the state that is asked for.

        Raises as `Workers.ask` does, and `Unavailable` where the state is not there in time.
        """
        question = Question(
            folder="",
            query=asked.query,
            seconds=self._limits.seconds,
            max_bytes=self._limits.max_bytes,
            solutions=asked.solutions,
            graph=asked.graph,
            default_graphs=asked.default_graphs,
            named_graphs=asked.named_graphs,
            prefixes=dict(asked.prefixes),
        )
        if not asked.as_of.is_present:
            with self._past.reading(asked.as_of, patience) as state:
                return self._workers.ask(structs.replace(question, folder=str(state.folder))), state.position
        self.projection.await_fresh(asked.min_position, patience)
        if isinstance(self._store, RemoteStore):
            position = self._position_at(self._store, asked.min_position, patience)
            return self._store.ask(question), position
        with self._store.reading() as checkpoint:
            return self._workers.ask(
                structs.replace(question, folder=str(checkpoint.folder))
            ), checkpoint.held.mark.position

    def _position_at(self, store: RemoteStore, least: int, patience: float) -> Position:
        """How far a server is, by what it says itself: it may have come back empty, or with less than it had."""
        held = store.held()
        if not self.projection.expects(held):
            self.projection.await_fresh(least, patience, doubted=True)
            held = store.held()
        if held is None:
            raise Unavailable("the graph is being written as RDF", retry_after=2)
        return held.mark.position
