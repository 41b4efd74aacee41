"""The rules as a part of the running service: built, started and stopped by the application."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import ontology as shipped_ontology
from graph.errors import Conflict, NotAllowed, NotFound
from graph.model import PRESENT, Change, Envelope, Instant, NewEnvelope, Position, parse_urn
from graph.reader import EntityQuery
from ontology import Ontology
from rules import audit, record
from rules.actions import STATEMENTS
from rules.actions.airflow import Airflows
from rules.actions.delivery import Deliverer
from rules.actions.http_action import Requests
from rules.actions.mlflow_project import Projects
from rules.actions.notify import Notifier
from rules.actions.outbound import TIMEOUT_OF_APIS, Outbound
from rules.actions.protect import Protections
from rules.actions.retrain import Retraining
from rules.actions.statement import Saying, Statements
from rules.actions.webhook import Webhooks
from rules.backtest import backtest
from rules.document import unchecked
from rules.engine import Engine
from rules.loop import Loop
from rules.outbox import Answered, Firing, FiringRecord, Outbox
from rules.propagation import Propagation
from rules.reading import MAX_FILES, Loaded, load_folder, read_rule
from rules.rule import Rule
from rules.sources import Sources
from rules.sqlite_outbox import SqliteOutbox
from rules.switches import switched
from rules.targets import Targets, Tolerance
from rules.worker import Worker

OUTBOX_FILE = "outbox.db"

_IDLE = 1.0  # seconds between looks without `notice`: also how late a retry can be
_LOOKED_AT = 100  # firings that wait, at a time
_STOP_WITHIN = 15.0  # seconds; an action ends within its own timeout


class RuleService:
    """Watches, decides and acts from `start` to `stop`, on `outbox`, by default the one in `data_dir`.

    `rules_dir`: a folder of YAML rules, None for no rules. The constructor reads it and raises
    `RulesRejected` if anything in it is wrong. `append(envelope)`: the journal's, durable and de-duplicating by the
    envelope's key. `references`: the values of `${NAME}` in rules; hand over only what rules may use.
    `allowed_hosts`: entries `host:port` that webhooks may reach although they are not public. `say(saying)`: the
    envelope of what a rule says in the graph; None where rules say nothing. `queries(ontology)` raises
    `InvalidInput` for what is no query in its words. `projects`: the folder of the MLflow projects that rules may run,
    None for none. `read(after, limit)`: the journal's, by which the log goes on where it ended. `clock`: what leases
    and waits go by; one for all processes that share the outbox. `tolerance`: what each target of actions can take.

    Where there is no outbox yet, rules begin with the first change after what the journal holds: what
    happened before there were rules is not acted on.
    """

    def __init__(
        self,
        rules_dir: Path | None,
        data_dir: Path,
        sources: Sources,
        append: Callable[[NewEnvelope], object],
        references: Mapping[str, str],
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        last_position: Callable[[], int],
        ontology: Ontology | None = None,
        outbox: Outbox | None = None,
        say: Callable[[Saying], NewEnvelope] | None = None,
        queries: Callable[[Ontology], Callable[[str], None]] = lambda _: unchecked,
        projects: Path | None = None,
        read: Callable[[int, int], list[Envelope]] = lambda after, limit: [],
        clock: Callable[[], Instant] = lambda: Instant(time.time_ns() // 1_000),
        tolerance: Tolerance | None = None,
    ) -> None:
        self._words = ontology or shipped_ontology.load()
        self._folder = rules_dir
        outbound, apis = Outbound(allowed_hosts), Outbound(allowed_hosts, timeout=TIMEOUT_OF_APIS)
        self._references = references
        self._queries = queries
        self._sources = sources
        self._append = append
        self._clock = clock
        loaded = self._load(self._words)
        self.rules: tuple[Rule, ...] = loaded.rules
        self.propagations: tuple[Propagation, ...] = loaded.propagations
        self._outbox: Outbox = SqliteOutbox(data_dir / OUTBOX_FILE) if outbox is None else outbox
        self._resume = partial(audit.resume, self._outbox, read)
        self._last_position = last_position
        self._unpublished: int | None = None
        """The graph must have come to here to tell which definitions are said already; None: all are."""
        self._publishing = threading.Lock()
        engine = Engine(self.rules, sources, self._outbox)
        self._use = engine.use
        deliverers: dict[str, Deliverer] = {
            "webhook": Webhooks(references, outbound),
            "notify": Notifier(references, allowed_hosts, self._outbox.state),
            "http": Requests(references, apis),
            "mlflow_project": Projects(references, apis, projects, data_dir / "trainings"),
            "airflow": Airflows(references, apis),
            "protect": Protections(references, allowed_hosts),
        }
        judging = Retraining(references, apis, dict(deliverers))
        deliverers |= {"retrain": judging, "promote": judging}
        if say is not None:
            deliverers |= dict.fromkeys(STATEMENTS, Statements(say, append))
        worker = Worker(self._outbox, deliverers, append, clock, targets=Targets(tolerance))
        self._worker = Loop("andon-rule-worker", worker.step, _IDLE)
        self._engine = Loop("andon-rule-engine", lambda: self._decide(engine), _IDLE)

    def _load(self, ontology: Ontology) -> Loaded:
        if self._folder is None:
            return Loaded()
        return load_folder(self._folder, ontology, self._references, self._queries(ontology))

    def start(self) -> None:
        """Begin; the threads end with the process if `stop` is never called."""
        self._resume()
        if self._outbox.checkpoint() is None:
            self._outbox.begin(Position(self._last_position()))
        self.publish()
        self._engine.start()
        self._worker.start()

    def stop(self) -> None:
        """Finish the step under way, start no other, close the outbox; the rest waits for the next start."""
        stopped = [loop.stop(_STOP_WITHIN) for loop in (self._engine, self._worker)]
        if all(stopped):
            self._outbox.close()

    def publish(self) -> None:
        """Have the graph know the rules that are in force, in the version that is; later, if it is being made anew."""
        with self._publishing:
            self._unpublished = self._last_position()
            self._publish(self._unpublished)

    def _publish(self, floor: int) -> None:
        at = self._clock()
        with self._sources.snapshot(PRESENT) as snapshot:
            if snapshot.position() < floor:
                return
            query = EntityQuery(kinds=frozenset({record.RULE}), namespaces=frozenset({"andon"}), first=MAX_FILES + 1)
            known = {it.name: snapshot.facets(it).get("definition") for it in snapshot.entities(query).records}
        self._unpublished = None
        for rule in self.rules:
            said = known.pop(rule.name, None)
            if said is None or json.loads(said)["version"] != rule.version_id:
                self._append(record.definition(rule, at))
        for name, said in known.items():
            if said is not None:
                self._append(record.withdrawal(name, at))

    def reload(self) -> tuple[Rule, ...]:
        """Read the folder again and decide by what is in it from now on. Raises `RulesRejected`: all as it was."""
        self._take(self._load(self._words))
        self.publish()
        return self.rules

    def _take(self, loaded: Loaded) -> None:
        self.rules, self.propagations = loaded.rules, loaded.propagations
        self._use(loaded.rules)

    def prepare(self, ontology: Ontology) -> Callable[[], None]:
        """Read the rules by other words; raises `RulesRejected`, else returns what puts them in use."""
        loaded = self._load(ontology)

        def commit() -> None:
            self._words = ontology
            self._take(loaded)

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
            rule = read_rule(yaml.encode(), "yaml", ontology, self._references, self._queries(ontology))
        else:
            rule = self._rule(str(name))
        return backtest(
            [rule],
            self._sources,
            after=Position(after),
            upto=Position(upto),
            ignore_age=ignore_age,
            before=self._outbox,
        )

    def _rule(self, name: str) -> Rule:
        found = [it for it in self.rules if it.name == name]
        if not found:
            raise NotFound(f"there is no rule {name[:100]!r}")
        return found[0]

    def modes(self) -> dict[str, str]:
        """By name, the mode that each rule is in now: its file's, unless somebody switched it."""
        with self._sources.snapshot(PRESENT) as snapshot:
            said = switched(self.rules, snapshot)
        return {rule.name: said.get(rule.name, rule.mode) for rule in self.rules}

    def waiting(self, first: int) -> list[FiringRecord]:
        """The firings that wait for an approval, the most urgent first."""
        return self._outbox.waiting(first)

    def answer(self, urn: str, approved: bool, by: str, note: str | None = None, *, is_known: bool = True) -> None:
        """Have what waits done, or not. `by` must be one of those who are asked, where the rule names any and callers
        are known by name.

        Raises `NotFound`, `Conflict` for a firing that does not wait, `NotAllowed`.
        """
        firing = self.firing(urn)
        if firing is None:
            raise NotFound(f"there is no firing {urn[:200]!r}")
        if is_known and firing.awaited is not None and firing.awaited.by and by not in firing.awaited.by:
            raise NotAllowed(f"{', '.join(firing.awaited.by)} may answer this, not {by!r}")
        self._answer(firing, Answered(approved=approved, by=by, at=self._clock(), note=note))

    def _answer(self, firing: FiringRecord, answered: Answered) -> None:
        self._outbox.answer(parse_urn(firing.urn).name, answered, record.approval(firing, answered))
        self._worker.wake()

    def refuse_late(self) -> bool:
        """Refuse what nobody answered in time; False if there was nothing."""
        now = self._clock()
        late = [it for it in self._outbox.waiting(_LOOKED_AT) if it.awaited is not None and it.awaited.until <= now]
        for firing in late:
            with suppress(Conflict):  # somebody answered just now
                self._answer(firing, Answered(approved=False, by=None, at=now, note="nobody answered in time"))
        return bool(late)

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
        with self._publishing:
            if self._unpublished is not None:
                self._publish(self._unpublished)
        decided = engine.step()
        if decided:
            self._worker.wake()
        return self.refuse_late() or decided
