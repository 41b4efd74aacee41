"""dbt's manifest.json: which relation a `ref` or a `source` stands for.

Read are (https://docs.getdbt.com/reference/artifacts/manifest-json, schemas v1 to v12):

    {"metadata": {"project_name", "adapter_type"},
     "nodes":   {unique_id: {"resource_type", "name", "package_name", "version", "latest_version", "alias",
                             "database", "schema", "relation_name", "config": {"materialized"}}},
     "sources": {unique_id: {"source_name", "name", "package_name", "identifier", "database", "schema",
                             "relation_name"}},
     "vars":    {name: value}}

Everything but `nodes` and `sources` may be missing, and of an entry everything but its names; `vars` is no part
of dbt's schema, but lets one file carry all that a rendering needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from graph.errors import InvalidInput

REFERABLE = frozenset({"model", "seed", "snapshot"})
"""Resource types that `ref` can name."""


class Relation(str):
    """A relation as SQL names it, with the parts that templates ask for."""

    database: str | None
    schema: str | None
    identifier: str
    name: str
    table: str
    type: str

    def __new__(cls, written: str, database: str | None, schema: str | None, identifier: str) -> Relation:
        self = super().__new__(cls, written)
        self.database, self.schema, self.type = database, schema, "table"
        self.identifier = self.name = self.table = identifier
        return self

    @property
    def dotted(self) -> str:
        """Its name without quotes, outermost part first."""
        return ".".join(part for part in (self.database, self.schema, self.identifier) if part)

    def include(self, database: bool = True, schema: bool = True, identifier: bool = True) -> Relation:
        kept = (self.database if database else None, self.schema if schema else None)
        return relation(*kept, self.identifier if identifier else "")

    def quote(self, **_: bool) -> Relation:
        return self

    incorporate = quote

    def render(self) -> str:
        return str(self)


def relation(database: str | None, schema: str | None, identifier: str) -> Relation:
    """A relation of these parts; one that is no plain name is put in double quotes."""
    parts = [part for part in (database, schema, identifier) if part]
    written = ".".join(part if _plain(part) else '"' + part.replace('"', '""') + '"' for part in parts)
    return Relation(written, database, schema, identifier)


def _plain(part: str) -> bool:
    return part.replace("$", "_").isidentifier()


@dataclass(frozen=True, slots=True)
class Manifest:
    """`models` by (package, name, version as text) where package or version may be None: not said in the `ref`;
    `sources` by (source, table)."""

    models: Mapping[tuple[str | None, str, str | None], Relation] = field(default_factory=dict)
    sources: Mapping[tuple[str, str], Relation] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    adapter: str | None = None

    def model(self, name: str, package: str | None = None, version: object = None) -> Relation | None:
        return self.models.get((package, name, None if version is None else str(version)))

    def source(self, source: str, table: str) -> Relation | None:
        return self.sources.get((source, table))


def read_manifest(manifest: str | Path | Mapping[str, Any]) -> Manifest:
    """The manifest at a path, or one already decoded. InvalidInput names the field that cannot be read."""
    document = manifest if isinstance(manifest, Mapping) else _read(Path(manifest))
    if not isinstance(document, Mapping):
        raise InvalidInput("expected an object")
    project = _mapping(document, "metadata", "", needed=False)
    name = _text(project, "project_name", "metadata")
    models: dict[tuple[str | None, str, str | None], Relation] = {}
    for key, node, path in _entries(document, "nodes"):
        if _text(node, "resource_type", path, default=key.partition(".")[0]) in REFERABLE:
            _add(models, node, path, project=name)
    sources: dict[tuple[str, str], Relation] = {}
    for _, node, path in _entries(document, "sources"):
        table = _needed(node, "name", path)
        known = _relation(node, path, _text(node, "identifier", path) or table)
        sources.setdefault((_needed(node, "source_name", path), table), known)
    variables = _mapping(document, "vars", "", needed=False)
    return Manifest(models, sources, variables, _text(project, "adapter_type", "metadata"))


def _read(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", field=str(path)) from error
    except msgspec.DecodeError as error:
        raise InvalidInput(f"is not JSON: {error}", field=str(path)) from error


def _add(
    models: dict[tuple[str | None, str, str | None], Relation], node: Mapping[str, Any], path: str, project: str | None
) -> None:
    name, package = _needed(node, "name", path), _text(node, "package_name", path)
    known = _relation(node, path, _text(node, "alias", path) or name)
    version, latest = node.get("version"), node.get("latest_version")
    versions: list[str | None] = [None if version is None else str(version)]
    if version is not None and (latest is None or str(latest) == str(version)):
        versions.append(None)
    for spelled in versions:
        models[package, name, spelled] = known
        # A `ref` without a package means the project's own model before a package's.
        if package == project:
            models[None, name, spelled] = known
        else:
            models.setdefault((None, name, spelled), known)


def _relation(node: Mapping[str, Any], path: str, identifier: str) -> Relation:
    database, schema = _text(node, "database", path), _text(node, "schema", path)
    written = _text(node, "relation_name", path)
    config = _mapping(node, "config", path, needed=False)
    if _text(config, "materialized", f"{path}.config") == "ephemeral":
        return relation(None, None, identifier)
    if not written:
        return relation(database, schema, identifier)
    if not (database or schema):
        *outer, identifier = written.translate(dict.fromkeys(map(ord, '"`[]'))).split(".")
        schema, database = (outer[-1] if outer else None), (".".join(outer[:-1]) or None)
    return Relation(written, database, schema, identifier)


def _entries(document: Mapping[str, Any], field: str) -> list[tuple[str, Mapping[str, Any], str]]:
    entries = _mapping(document, field, "", needed=True)
    return [(key, _mapping(entries, key, field, needed=True), f"{field}.{key}") for key in entries]


def _mapping(holder: Mapping[str, Any], key: str, path: str, *, needed: bool) -> Mapping[str, Any]:
    value = holder.get(key)
    if value is None and not needed:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"expected an object, found {_kind(value)}", field=f"{path}.{key}" if path else key)
    return value


def _text(holder: Mapping[str, Any], key: str, path: str, default: str | None = None) -> str | None:
    value = holder.get(key, default)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"expected text, found {_kind(value)}", field=f"{path}.{key}")
    return value


def _needed(holder: Mapping[str, Any], key: str, path: str) -> str:
    value = _text(holder, key, path)
    if not value:
        raise InvalidInput("is missing", field=f"{path}.{key}")
    return value


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
