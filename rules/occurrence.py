"""One committed change as rules see it: itself, and what it is about before and after, read once for all rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from urllib.parse import quote, unquote

from graph.derivations import Mark, hops_of, own_tags
from graph.model import Change, isoformat
from graph.reader import ColumnRecord, Derivation, EntityRecord, GraphSnapshot, RunRecord
from rules.conditions import Values
from rules.rule import SchemaChange
from rules.schema_change import ColumnChange, column_changes

EARLY = frozenset({"change", "before", "after", "job"})
"""The variables of what is known before a query is asked."""
NAMES = EARLY | {"data"}
"""The variables of a condition: `data` is a query's answer."""


class Occurrence:
    """`changes` are of one entity and alike, more than one only of relations and of tags. `current()`
    opens the graph with them, `earlier()` the one before (None for the very first position).
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
        """The graph before it, None for the very first position."""
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

    @cached_property
    def tag_keys(self) -> frozenset[str]:
        """Of changes of tags, their keys."""
        if not self.change.what.startswith("tag."):
            return frozenset()
        return frozenset(unquote(it.fields[1]).partition("=")[0] for it in self._changes)

    @cached_property
    def ways(self) -> tuple[tuple[Derivation, ...], ...]:
        """Where a tag arrived, the hops of each way by which it did, the last hop first."""
        if self.change.what != "tag.reached" or self.after is None:
            return ()
        arrived = {tuple(it.fields) for it in self._changes}
        return tuple(
            tuple(hops_of(it, self.snapshot))
            for tag in own_tags(self.after)
            for it in tag.derived
            if (it.propagation, quote(it.mark.label, safe="")) in arrived
        )

    def values(self) -> Values:
        return {
            "change": self._change,
            "before": lambda: _shown(self.before, self._earlier()) if self.before is not None else None,
            "after": lambda: _shown(self.after, self.snapshot) if self.after is not None else None,
            "job": lambda: _shown(self.job, self.snapshot) if self.job is not None else None,
        }

    def _change(self) -> Mapping[str, object]:
        columns = [
            {"how": str(it.how), "path": it.path, "before": it.before, "after": it.after, "former": it.former}
            for it in self.columns
        ]
        ways = {str(way): [it.path for it in self.columns if it.how is way] for way in SchemaChange}
        change = self.change
        of_tags = change.what.startswith("tag.")
        return {
            "what": change.what, "urn": change.urn, "fields": change.fields,
            "tags": [unquote(it.fields[1]) for it in self._changes] if of_tags else [],
            "propagations": sorted({it.fields[0] for it in self._changes if it.fields[0]}) if of_tags else [],
            "others": [{"urn": it.other, "kind": it.kind} for it in self._changes if it.other is not None],
            "position": change.position, "validAt": isoformat(change.valid_at),
            "columns": columns, **ways,
        }  # fmt: skip


def _shown(entity: EntityRecord, snapshot: GraphSnapshot | None) -> Mapping[str, object]:
    """An entity as an expression sees it; facets as the JSON they are, by key."""
    assert snapshot is not None
    facets = snapshot.facets(entity)
    is_column = isinstance(entity, ColumnRecord)
    shown: dict[str, object] = {
        "urn": entity.urn, "type": entity.type, "namespace": entity.namespace, "name": entity.name,
        "description": entity.description, "dropped": entity.dropped,
        "tags": [Mark(it.key, it.value).label for it in own_tags(entity)],
        "columnTags": [
            {"column": it.field, "tag": it.key, "value": it.value} for it in entity.tags if it.field and not is_column
        ],
        "owners": [it.name for it in entity.owners],
        "attributes": snapshot.attributes(entity),
        "facets": {key: json.loads(value) for key, value in facets.items() if len(value) <= 65_536},
    }  # fmt: skip
    if isinstance(entity, RunRecord):
        shown["state"] = entity.state
        shown["startedAt"] = isoformat(entity.started_at) if entity.started_at is not None else None
        shown["endedAt"] = isoformat(entity.ended_at) if entity.ended_at is not None else None
    return shown
