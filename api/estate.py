"""What sources look up in a running service's graph: entities by resource id, tag, name, urn or class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from api.remote import Remote
from graph.database import in_chunks
from graph.errors import InvalidInput
from graph.model import make_urn, parse_urn

PAID_FOR = ("DataAsset", "Job", "Service", "Resource")
"""The classes, with those below them, that costs are joined to."""

_AT_ONCE = 500
_ALIASES = 10  # entities asked for by urn in one operation


class GraphEstate:
    """Fulfils the ports of `ingest.focus` and `ingest.policies` over a service."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._tagged: dict[str, Mapping[str, Sequence[str]]] = {}

    def by_resource_id(self, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for some in in_chunks(ids, _AT_ONCE):
            condition = {"name": "resourceId", "in": list(some)}
            for it in self._listed("urn resourceId", types=list(PAID_FOR), attributes=[condition]):
                found[it["resourceId"]].append(it["urn"])
        return found

    def by_name(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for some in in_chunks(names, _AT_ONCE):
            for it in self._listed("urn name", types=list(PAID_FOR), names=list(some)):
                found[it["name"]].append(it["urn"])
        return found

    def by_tag(self, tags: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[str]]:
        return {(key, value): self._with_tag(key).get(value, ()) for key, value in tags}

    def by_urn(self, urns: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for some in in_chunks([it for it in urns if _is_urn(it)], _ALIASES):
            declared = ", ".join(f"$u{index}: String" for index, _ in enumerate(some))
            asked = " ".join(f"u{index}: entity(urn: $u{index}) {{ urn }}" for index, _ in enumerate(some))
            variables = {f"u{index}": urn for index, urn in enumerate(some)}
            answer = self._remote.ask(f"query({declared}) {{ {asked} }}", variables)
            found.update(urn for index, urn in enumerate(some) if answer[f"u{index}"] is not None)
        return frozenset(found)

    def selected(self, *, type: str | None, namespace: str | None, tag: str | None, value: str | None) -> Iterator[str]:
        """The urns of the entities of a class, in a namespace, with a tag; of the columns where the class is Column."""
        of_columns = type == "Column"
        narrowed: dict[str, object] = {} if type is None or of_columns else {"types": [type]}
        narrowed |= {} if namespace is None else {"namespaces": [namespace]}
        narrowed |= {} if tag is None else {"tags": [tag]}
        for it in self._listed("urn tags { key value field }", **narrowed):
            having = [one for one in it["tags"] if one["key"] == tag and value in (None, one["value"])]
            if of_columns:
                name = parse_urn(it["urn"])
                paths = dict.fromkeys(one["field"] for one in having if one["field"])
                yield from (make_urn("column", name.namespace, name.name, path) for path in paths)
            elif tag is None or having:
                yield it["urn"]

    def listed(self, types: Iterable[str], namespace: str) -> Iterator[tuple[str, str | None]]:
        """(urn, sourceIri) of the entities of some classes in a namespace, without dropped ones."""
        for it in self._listed("urn sourceIri", types=list(types), namespaces=[namespace]):
            yield it["urn"], it["sourceIri"]

    def _with_tag(self, key: str) -> Mapping[str, Sequence[str]]:
        """Value -> urns, of all that bear a tag of this key; asked once a run."""
        if key not in self._tagged:
            found: dict[str, list[str]] = defaultdict(list)
            for it in self._listed("urn tags { key value field }", types=list(PAID_FOR), tags=[key]):
                for one in it["tags"]:
                    if one["key"] == key and one["field"] is None and one["value"] is not None:
                        found[one["value"]].append(it["urn"])
            self._tagged[key] = found
        return self._tagged[key]

    def _listed(self, fields: str, **narrowed: object) -> Iterator[dict[str, Any]]:
        return self._remote.entities(narrowed, fields)


def _is_urn(text: str) -> bool:
    try:
        parse_urn(text)
    except InvalidInput:
        return False
    return True
