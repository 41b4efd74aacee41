"""What `andon rules` does: check a folder of rules, and say what a rule would have done."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from api.app import limits_of, open_vocabulary
from api.export_commands import snapshot_of
from api.graphql.asking import Asker, checker
from api.journal_commands import journal_file
from api.remote import Remote
from api.rule_cases import SUFFIX, read_cases, run_case
from api.settings import Settings
from graph.errors import InvalidInput, NotFound
from graph.journal import JournalReader
from graph.model import PRESENT, AsOf, Change, Instant, Position, isoformat, parse_instant
from graph.reader import DiffRecord
from graph.snapshot import Snapshot, read_changes
from ingest.propagation import firing_behind
from ontology import Ontology
from rules import Rule, RulesRejected, read_rule
from rules.backtest import backtest as run_backtest
from rules.outbox import Firing
from rules.reading import load_folder
from rules.sources import Sources

EXPLANATIONS = ("text", "json", "prov")

_EXPLAIN = """query($firing: String!) { explain(firing: $firing) { text ruleText prov
  grounds { what of other registers evidence count }
  firing { urn rule ruleVersion position what subject firedAt verdict reason cause evidence data
    awaited { by until reason } answered { approved by at note }
    actions { key kind target state attempts lastError result } }
  premises { position kind source receivedAt digest redacted } } }"""


def check(settings: Settings, folder: str) -> int:
    """Say every fault with file and line, else the rules and propagations that there are; 1 where there is a fault."""
    try:
        ontology = open_vocabulary(settings).ontology
        loaded = load_folder(Path(folder), ontology, settings.references, checker(ontology, limits_of(settings)))
    except RulesRejected as rejected:
        for fault in rejected.faults:
            sys.stderr.write(f"{fault}\n")
        return 1
    for rule in loaded.rules:
        sys.stdout.write(f"{rule.name}\t{rule.version_id}\t{rule.mode}\n")
    for it in loaded.propagations:
        sys.stdout.write(f"{it.name}\t{it.version_id}\tpropagation\n")
    return 0


def test(settings: Settings, folder: str) -> int:
    """Try every rule of a folder on its cases; 1 where one came out otherwise."""
    ontology = open_vocabulary(settings).ontology
    loaded = load_folder(Path(folder), ontology, settings.references, checker(ontology, limits_of(settings)))
    rules = {rule.name: rule for rule in loaded.rules}
    failed = total = 0
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        beside = path.with_name(path.name.removesuffix(SUFFIX) + ".yaml")
        if not beside.is_file():
            raise NotFound(f"{path.name}: there is no rule {beside.name} beside it")
        rule = rules[read_rule(beside.read_bytes(), beside.name, ontology, settings.references).name]
        for case in read_cases(path):
            result = run_case(rule, case, ontology, limits_of(settings), loaded.propagations)
            total += 1
            failed += bool(result.faults)
            sys.stdout.write(f"{'FAILED' if result.faults else 'ok'}  {rule.name}: {result.case}\n")
            for fault in result.faults:
                sys.stdout.write(f"        {fault}\n")
    sys.stdout.write(f"{total} cases of {len(rules)} rules, {failed} failed\n")
    return 1 if failed else 0


def print_schema(of: str) -> None:
    """The JSON Schema of a `rule` or a `propagation`, for editors."""
    sys.stdout.write(resources.files("rules").joinpath(f"{of}.schema.json").read_text())


def explain(settings: Settings, url: str, firing: str, format: str) -> None:
    """Say why a firing was, by a running service, in one of `EXPLANATIONS`; raises `NotFound`."""
    with Remote(url, settings.api_key) as service:
        proof = service.ask(_EXPLAIN, {"firing": firing})["explain"]
    if proof is None:
        raise NotFound(f"there is no firing {firing[:200]!r}")
    if format == "json":
        shown = json.dumps({key: value for key, value in proof.items() if key not in ("text", "prov")})
    else:
        shown = proof[format]
    sys.stdout.write(shown.rstrip("\n") + "\n")


def backtest(
    settings: Settings, file: str, first: str | None, last: str | None, *, ignore_age: bool, as_json: bool
) -> None:
    """Say what a rule would have done between two moments, given as instants of receipt or as positions."""
    ontology = open_vocabulary(settings).ontology
    path = Path(file)
    queries = checker(ontology, limits_of(settings))
    rule = read_rule(path.read_bytes(), path.name, ontology, settings.references, queries)
    with closing(journal_file(settings)) as journal:
        after = _position(journal, first, "--from") if first is not None else Position(0)
        upto = _position(journal, last, "--to") if last is not None else Position(journal.last_position())
        past = _Past(settings, ontology, journal)
        sources = Sources(
            past.changes, past.snapshot, past.received_at, past.cause, Asker(past, ontology, limits_of(settings))
        )
        firings = run_backtest([rule], sources, after=after, upto=upto, ignore_age=ignore_age)
    if as_json:
        for firing in firings:
            sys.stdout.write(json.dumps(_shown(firing)) + "\n")
    else:
        _say(rule, firings)


@dataclass(frozen=True, slots=True)
class _Past:
    """What a backtest reads."""

    settings: Settings
    ontology: Ontology
    journal: JournalReader

    def snapshot(self, as_of: AsOf = PRESENT) -> AbstractContextManager[Snapshot]:
        return snapshot_of(self.settings, self.ontology, as_of)

    def diff(self, before: AsOf, after: AsOf, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
        raise InvalidInput("a rule asks of one instant")

    def changes(self, after: int, limit: int) -> list[Change]:
        with self.snapshot() as snapshot:
            return read_changes(snapshot.database, after, limit)

    def received_at(self, position: Position) -> Instant:
        envelope = self.journal.envelope(position)
        if envelope is None:
            raise NotFound(f"there is no envelope at position {position}")
        return envelope.received_at

    def cause(self, position: Position) -> str | None:
        return firing_behind(self.journal.envelope(position), self.journal.envelope)


def _position(journal: JournalReader, text: str, field: str) -> Position:
    """The last position received by then."""
    if text.isascii() and text.isdigit():
        return Position(int(text))
    try:
        return Position(journal.position_at(parse_instant(text)))
    except ValueError:
        raise InvalidInput(
            f"expected a position or an instant as 2026-01-31T06:00:00Z, found {text!r}", field=field
        ) from None


def _say(rule: Rule, firings: list[Firing]) -> None:
    """By day, then each."""
    verdicts = Counter(it.verdict for it in firings)
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "nothing"
    sys.stdout.write(f"{rule.name} {rule.version_id}: {told}; {sum(len(it.actions) for it in firings)} actions\n")
    for day, count in sorted(Counter(isoformat(it.fired_at)[:10] for it in firings).items()):
        sys.stdout.write(f"{day}  {count}\n")
    for it in firings:
        reason = f"  ({it.reason})" if it.reason else ""
        sys.stdout.write(
            f"{isoformat(it.fired_at)}  {it.position}  {it.verdict}  {it.what} of {it.subject}"
            f"  {len(it.actions)} actions{reason}\n"
        )


def _shown(firing: Firing) -> dict[str, object]:
    return {
        "firing": firing.urn, "rule": firing.rule, "version": firing.rule_version, "position": firing.position,
        "at": isoformat(firing.fired_at), "what": firing.what, "subject": firing.subject, "verdict": firing.verdict,
        "reason": firing.reason, "evidence": firing.evidence,
        "actions": [{"kind": it.kind, "target": it.target, "owner": it.owner or None} for it in firing.actions],
    }  # fmt: skip
