"""The rules as a part of the running service: built, started and stopped by the application."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import ontology as shipped_ontology
from graph.errors import NotFound
from graph.model import PRESENT, AsOf, Change, Instant, NewEnvelope, Position, parse_urn
from graph.reader import GraphSnapshot
from ontology import Ontology
from rules.actions.delivery import Deliverer
from rules.actions.protect import Protections
from rules.actions.statement import Saying, Statements
from rules.actions.webhook import Webhooks
from rules.backtest import backtest
from rules.engine import Engine
from rules.loop import Loop
from rules.outbox import Firing, FiringRecord, Outbox
from rules.propagation import Propagation
from rules.reading import Loaded, load_folder, read_rule
from rules.rule import Rule
from rules.sqlite_outbox import SqliteOutbox
from rules.worker import Worker

OUTBOX_FILE = "outbox.db"

_IDLE = 1.0  # seconds between looks without `notice`: also how late a retry can be
_STOP_WITHIN = 15.0  # seconds; an action ends within its own timeout


class RuleService:
    """Watches, decides and acts from `start` to `stop`, on `outbox`, by default the one in `data_dir`.

    `rules_dir`: a folder of YAML rules, None for no rules. The constructor reads it and raises
    `RulesRejected` if anything in it is wrong. `snapshot(as_of)`: the graph, as of past positions too.
    `changes(after, limit)`: committed changes above a position, in order; it must answer the same again after
    a restart. `received_at(position)`: when that envelope was received. `append(envelope)`: the journal's,
    durable and de-duplicating by the envelope's key. `references`: the values of `${NAME}` in rules; hand
    over only what rules may use. `allowed_hosts`: entries `host:port` that webhooks may reach although they
    are not public. `say(saying)`: the envelope of what a rule says in the graph; None
    where rules say nothing. `clock`: what
    leases and waits go by; one for all processes that share the outbox.

    Where there is no outbox yet, rules begin with the first change after the present graph: what happened
    before there were rules is not acted on.
    """

    def __init__(
        self,
        rules_dir: Path | None,
        data_dir: Path,
        snapshot: Callable[[AsOf], AbstractContextManager[GraphSnapshot]],
        changes: Callable[[int, int], list[Change]],
        received_at: Callable[[Position], Instant],
        append: Callable[[NewEnvelope], object],
        references: Mapping[str, str],
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        ontology: Ontology | None = None,
        outbox: Outbox | None = None,
        say: Callable[[Saying], NewEnvelope] | None = None,
        cause: Callable[[Position], str | None] = lambda _: None,
        clock: Callable[[], Instant] = lambda: Instant(time.time_ns() // 1_000),
    ) -> None:
        known = ontology or (shipped_ontology.load() if rules_dir is not None else None)
        self._read = (lambda words: load_folder(rules_dir, words, references)) if rules_dir else None
        loaded = self._read(known) if self._read is not None and known is not None else Loaded()
        self.rules: tuple[Rule, ...] = loaded.rules
        self.propagations: tuple[Propagation, ...] = loaded.propagations
        webhooks = Webhooks(references, allowed_hosts)
        self._outbox: Outbox = SqliteOutbox(data_dir / OUTBOX_FILE) if outbox is None else outbox
        self._snapshot = snapshot
        self._changes = changes
        self._received_at = received_at
        self._cause = cause
        self._references = references
        self._clock = clock
        engine = Engine(
            self.rules, changes=changes, snapshot=snapshot, received_at=received_at, outbox=self._outbox, cause=cause
        )
        self._use = engine.use
        actions: dict[str, Deliverer] = {"webhook": webhooks}
        actions["protect"] = Protections(references, allowed_hosts)
        if say is not None:
            actions |= dict.fromkeys(("stop", "incident", "tag"), Statements(say, append))
        worker = Worker(self._outbox, actions, append, clock)
        self._worker = Loop("andon-rule-worker", worker.step, _IDLE)
        self._engine = Loop("andon-rule-engine", lambda: self._decide(engine), _IDLE)

    def start(self) -> None:
        """Begin; the threads end with the process if `stop` is never called."""
        if self._outbox.checkpoint() is None:
            with self._snapshot(PRESENT) as snapshot:
                self._outbox.begin(snapshot.position())
        self._engine.start()
        self._worker.start()

    def stop(self) -> None:
        """Finish the step under way, start no other, close the outbox; the rest waits for the next start."""
        stopped = [loop.stop(_STOP_WITHIN) for loop in (self._engine, self._worker)]
        if all(stopped):
            self._outbox.close()

    def prepare(self, ontology: Ontology) -> Callable[[], None]:
        """Read the rules by other words; raises `RulesRejected`, else returns what puts them in use."""
        loaded = self._read(ontology) if self._read is not None else Loaded()

        def commit() -> None:
            self.rules, self.propagations = loaded.rules, loaded.propagations
            self._use(loaded.rules)

        return commit

    def notice(self, changes: Sequence[Change]) -> None:
        """Look now rather than within a second: a listener for the projector. Nothing depends on it."""
        self._engine.wake()

    def firings(self, first: int) -> list[FiringRecord]:
        """The newest `first` firings, newest first, with their actions as they stand."""
        return self._outbox.firings(first)

    def backtest(
        self, ontology: Ontology, name: str | None, yaml: str | None, after: int, upto: int, ignore_age: bool
    ) -> list[Firing]:
        """What a rule in force, or one that is given as text, would have done about the changes of (after, upto].

        Raises `NotFound`, `RuleFault` and `TooLarge`.
        """
        if yaml is not None:
            rule = read_rule(yaml.encode(), "yaml", ontology, self._references)
        else:
            found = [it for it in self.rules if it.name == name]
            if not found:
                raise NotFound(f"there is no rule {str(name)[:100]!r}")
            rule = found[0]
        return backtest(
            [rule],
            changes=self._changes,
            snapshot=self._snapshot,
            received_at=self._received_at,
            after=Position(after),
            upto=Position(upto),
            cause=self._cause,
            ignore_age=ignore_age,
            known_depth=self._outbox.depth,
        )

    def firing(self, urn: str) -> FiringRecord | None:
        """Raises `InvalidInput` for what is no urn."""
        name = parse_urn(urn)
        return self._outbox.firing(name.name) if name.kind == "firing" else None

    def checkpoint(self) -> Position:
        """The position up to which all changes are decided."""
        return self._outbox.checkpoint() or Position(0)

    def replay(self, key: str) -> None:
        """Have a dead action tried again. Raises `NotFound`, and `Conflict` if it is not dead."""
        self._outbox.replay(key, self._clock())
        self._worker.wake()

    def _decide(self, engine: Engine) -> bool:
        decided = engine.step()
        if decided:
            self._worker.wake()
        return decided
