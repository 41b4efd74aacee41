"""Changes that rules can be on and the graph does not commit as such: told by what was before and what is after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from graph.errors import TooLarge
from graph.model import Instant
from graph.reader import EntityQuery, EntityRecord, GraphSnapshot, RunRecord
from rules.occurrence import Occurrence
from rules.rule import Late, Trigger
from rules.schedule import Schedule

MAX_JOBS = 10_000
"""Jobs that are looked at for being late, in one go."""
QUALITY = "dataQualityAssertions"
"""OpenLineage's facet of a dataset that a run has checked."""
_PAGE = 1_000
_RUNS = 50
"""Runs of a job that are looked at, newest start first."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A change that is one of the committed ones `of` which `is_so` holds."""

    of: frozenset[str]
    is_so: Callable[[Occurrence, Trigger], bool]


def _recovered(occurrence: Occurrence, trigger: Trigger) -> bool:
    """A run ended well, and the one of its job that ended before it had not."""
    run, job = occurrence.after, occurrence.job
    if not isinstance(run, RunRecord) or job is None or run.ended_at is None:
        return False
    ended = [it for it in occurrence.snapshot.runs(job, _RUNS) if it.ended_at is not None and it.id != run.id]
    before = [it for it in ended if it.ended_at is not None and it.ended_at <= run.ended_at]
    last = max(before, key=lambda it: it.ended_at or 0, default=None)
    return last is not None and last.state in ("FAIL", "ABORT")


def _failed(occurrence: Occurrence, trigger: Trigger) -> bool:
    """A check fails that held by the report before: of a dataset's newest quality facet, or an assertion of facts."""
    return bool(_failing(occurrence.after, occurrence.snapshot) - _failing(occurrence.before, occurrence.earlier))


def _failing(entity: EntityRecord | None, snapshot: GraphSnapshot | None) -> frozenset[tuple[str, str]]:
    """(assertion, column) of those that do not hold."""
    if entity is None or snapshot is None:
        return frozenset()
    if entity.kind == "assertion":
        return frozenset({("", "")} if snapshot.attributes(entity).get("lastOutcome") in ("fail", "error") else ())
    try:
        facet = json.loads(snapshot.facets(entity).get(QUALITY, b"{}"))
        return frozenset(
            (str(it.get("assertion", "")), str(it.get("column", "")))
            for it in facet.get("assertions", ()) if it.get("success") is False
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError):  # facets are kept as they came
        return frozenset()


def _staged(occurrence: Occurrence, trigger: Trigger) -> bool:
    """A model version has a stage or an alias that it had not."""
    return bool(_standing(occurrence.after, occurrence.snapshot) - _standing(occurrence.before, occurrence.earlier))


def _standing(version: EntityRecord | None, snapshot: GraphSnapshot | None) -> frozenset[tuple[str, str]]:
    if version is None or snapshot is None or version.kind != "modelversion" or version.dropped:
        return frozenset()
    said = snapshot.attributes(version)
    aliases, stage = said.get("versionAlias"), said.get("stage")
    named = {("alias", str(it)) for it in (aliases if isinstance(aliases, list) else [aliases]) if it is not None}
    return frozenset(named | ({("stage", str(stage))} if stage not in (None, "None") else set()))


def _trouble(occurrence: Occurrence, trigger: Trigger) -> bool:
    """An incident is open that was not."""
    return _is_open(occurrence.after, occurrence.snapshot) and not _is_open(occurrence.before, occurrence.earlier)


def _is_open(incident: EntityRecord | None, snapshot: GraphSnapshot | None) -> bool:
    if incident is None or snapshot is None or incident.kind != "incident" or incident.dropped:
        return False
    return snapshot.attributes(incident).get("closedAt") is None


_ENTITY = frozenset({"entity.opened", "entity.altered"})

DERIVED: Mapping[str, Derived] = {
    "run.recovered": Derived(frozenset({"run.completed"}), _recovered),
    "assertion.failed": Derived(_ENTITY, _failed),
    "model.staged": Derived(_ENTITY, _staged),
    "incident.opened": Derived(_ENTITY, _trouble),
}


def committed(changes: frozenset[str]) -> frozenset[str]:
    """The changes of the graph by which these are told."""
    return frozenset[str]().union(*(DERIVED[it].of if it in DERIVED else (it,) for it in changes))


def sets_off(occurrence: Occurrence, trigger: Trigger) -> bool:
    """Whether a rule of this trigger looks at it, beyond what the committed change alone tells."""
    what, entity = occurrence.change.what, occurrence.entity
    if trigger.type != "Entity" and (entity is None or entity.type not in trigger.types):
        return False
    if trigger.how and not any(it.how in trigger.how for it in occurrence.columns):
        return False
    if what in trigger.changes:
        return trigger.tag is None or trigger.tag in occurrence.tag_keys
    told = (DERIVED[it] for it in trigger.changes if it in DERIVED)
    return any(what in it.of and it.is_so(occurrence, trigger) for it in told)


def late_jobs(late: Late, schedule: Schedule, at: Instant, snapshot: GraphSnapshot) -> Iterator[EntityRecord]:
    """The jobs that were to have ended well by `at`, in urn order. Raises `TooLarge` past `MAX_JOBS`."""
    since = schedule.day_began(at)
    if late.within is not None:
        since = Instant(at - round(late.within.total_seconds() * 1_000_000))
    for job in sorted(_jobs(late, snapshot), key=lambda it: it.urn):
        runs = snapshot.runs(job, _RUNS)
        if not any(it.state == "COMPLETE" and it.ended_at is not None and since <= it.ended_at <= at for it in runs):
            yield job


def _jobs(late: Late, snapshot: GraphSnapshot) -> list[EntityRecord]:
    tags = frozenset({late.tag}) if late.tag is not None and not late.jobs else None
    found: list[EntityRecord] = []
    after, looked = None, 0
    while True:
        page = snapshot.entities(EntityQuery(kinds=frozenset({"job"}), tags=tags, first=_PAGE, after=after))
        found += [it for it in page.records if _is_meant(it, late) and not snapshot.is_retired(it)]
        looked += len(page.records)
        if not page.has_next:
            return found
        if looked >= MAX_JOBS:
            raise TooLarge(f"there are more than {MAX_JOBS} jobs to look at; name fewer by a tag", field="on")
        after = page.cursors[-1]


def _is_meant(job: EntityRecord, late: Late) -> bool:
    if not late.jobs and late.tag is None:
        return True
    if late.tag is not None and any(it.key == late.tag and it.field is None for it in job.tags):
        return True
    return any(fnmatchcase(f"{job.namespace}/{job.name}", _glob(it)) for it in late.jobs)


def _glob(pattern: str) -> str:
    """`*` alone is special."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
