"""One committed change as rules see it: itself, and what it is about before and after, read once for all rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache, cached_property, partial

from graph.model import Change, isoformat
from graph.reader import EntityRecord, GraphSnapshot, RunRecord
from rules.conditions import Shown, Values
from rules.rule import SchemaChange, Trigger
from rules.schema_change import ColumnChange, column_changes

NAMES = frozenset({"change", "before", "after", "job"})
"""The variables of a condition."""


class Occurrence:
    """`changes` are of one entity and alike, more than one only of relations. `current()` opens the graph with them,
    `earlier()` the one before (None for the very first position).
    """

    def __init__(
        self,
        changes: Sequence[Change],
        current: Callable[[], GraphSnapshot],
        earlier: Callable[[], GraphSnapshot | None],
    ) -> None:
        self.change = changes[0]
        self._changes = changes
        self._current = current
        self._earlier = earlier

    @property
    def snapshot(self) -> GraphSnapshot:
        return self._current()

    @property
    def earlier(self) -> GraphSnapshot | None:
        return self._earlier()

    @cached_property
    def after(self) -> EntityRecord | None:
        return self.snapshot.entity(self.change.urn)

    @cached_property
    def before(self) -> EntityRecord | None:
        earlier = self._earlier()
        return earlier.entity(self.change.urn) if earlier is not None else None

    @cached_property
    def entity(self) -> EntityRecord | None:
        """What changed, as it is after it or, where it is gone, as it was."""
        return self.after if self.after is not None else self.before

    @cached_property
    def job(self) -> EntityRecord | None:
        """Of a run, the job that ran."""
        run = self.entity
        return self.snapshot.entities_by_id([run.job_id]).get(run.job_id) if isinstance(run, RunRecord) else None

    @cached_property
    def columns(self) -> tuple[ColumnChange, ...]:
        """How the columns changed, where it is the schema that did."""
        earlier = self._earlier()
        if self.change.what != "schema.changed" or self.after is None:
            return ()
        former = earlier.columns(self.before) if earlier is not None and self.before is not None else ()
        return column_changes(former, self.snapshot.columns(self.after))

    def sets_off(self, trigger: Trigger) -> bool:
        """Whether a rule of this trigger looks at it, beyond what `change` alone tells."""
        if trigger.type != "Entity" and (self.entity is None or self.entity.type not in trigger.types):
            return False
        return not trigger.how or any(it.how in trigger.how for it in self.columns)

    def values(self) -> Values:
        return self._values

    @cached_property
    def _values(self) -> Values:
        return {
            "change": cache(self._change),
            "before": cache(lambda: _shown(self.before, self._earlier()) if self.before is not None else None),
            "after": cache(lambda: _shown(self.after, self.snapshot) if self.after is not None else None),
            "job": cache(lambda: _shown(self.job, self.snapshot) if self.job is not None else None),
        }

    def _change(self) -> Shown:
        change = self.change
        fields: dict[str, Callable[[], object]] = {
            "what": lambda: change.what, "urn": lambda: change.urn, "fields": lambda: change.fields,
            "others": lambda: [{"urn": it.other, "kind": it.kind} for it in self._changes if it.other is not None],
            "position": lambda: change.position, "validAt": lambda: isoformat(change.valid_at),
            "columns": lambda: [
                {"how": str(it.how), "path": it.path, "before": it.before, "after": it.after, "former": it.former}
                for it in self.columns
            ],
        }  # fmt: skip
        return Shown(fields | {str(way): partial(self._paths, way) for way in SchemaChange})

    def _paths(self, way: SchemaChange) -> list[str]:
        return [it.path for it in self.columns if it.how is way]


def _shown(entity: EntityRecord, snapshot: GraphSnapshot | None) -> Shown:
    """An entity as an expression sees it; facets as the JSON they are, by key."""
    assert snapshot is not None
    fields: dict[str, Callable[[], object]] = {
        "urn": lambda: entity.urn, "type": lambda: entity.type, "namespace": lambda: entity.namespace,
        "name": lambda: entity.name, "description": lambda: entity.description, "dropped": lambda: entity.dropped,
        "tags": lambda: [
            it.key if it.value is None else f"{it.key}={it.value}" for it in entity.tags if it.field is None
        ],
        "columnTags": lambda: [
            {"column": it.field, "tag": it.key, "value": it.value} for it in entity.tags if it.field
        ],
        "owners": lambda: [it.name for it in entity.owners],
        "attributes": lambda: snapshot.attributes(entity),
        "facets": lambda: {
            key: json.loads(value) for key, value in snapshot.facets(entity).items() if len(value) <= 65_536
        },
    }  # fmt: skip
    if isinstance(entity, RunRecord):
        run = entity
        fields |= {
            "state": lambda: run.state,
            "startedAt": lambda: isoformat(run.started_at) if run.started_at is not None else None,
            "endedAt": lambda: isoformat(run.ended_at) if run.ended_at is not None else None,
        }
    return Shown(fields)
