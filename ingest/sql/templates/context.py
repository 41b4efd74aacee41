"""The names that dbt gives a template: ref, source, var, config, this and the macros of dbt and dbt_utils.

https://docs.getdbt.com/reference/dbt-jinja-functions; https://github.com/dbt-labs/dbt-utils. Macros that only write
SQL are written out in ANSI words; those that ask the warehouse are unknown. Nothing is read from the real
environment: `env_var` gives its default, or an unknown of that name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.runtime import Undefined

from ingest.sql.templates.manifest import Manifest, Relation, relation
from ingest.sql.templates.sandbox import Returned
from ingest.sql.templates.unknowns import Unknown, is_column


class Config:
    """`config(...)` writes nothing and is remembered; `config.get` answers what was said before."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}

    def __call__(self, *given: Any, **settings: Any) -> str:
        for more in given:
            if isinstance(more, dict):
                self.said |= more
        self.said |= settings
        return ""

    def get(self, name: str, default: Any = None, **_: Any) -> Any:
        return self.said.get(name, default)

    require = get

    @property
    def materialized(self) -> str | None:
        value = self.said.get("materialized")
        return value if isinstance(value, str) else None


class Dbt:
    """The context of one template; `refs` are the relations that it named, in order."""

    def __init__(
        self, manifest: Manifest, variables: Mapping[str, Any], unknown: type[Unknown], this: Relation | None
    ) -> None:
        self.manifest, self.unknown = manifest, unknown
        self.variables = {**_copied(manifest.variables), **_copied(variables)}
        self.config = Config()
        self.refs: dict[str, None] = {}
        self.this = this or relation(None, None, "this")

    def names(self) -> dict[str, Any]:
        """Every name by itself; the caller's variables are names too (Airflow's `params`), but never hide dbt's."""
        return {
            **self.variables,
            "ref": self.ref,
            "source": self.source,
            "builtins": {"ref": self.ref, "source": self.source, "config": self.config},
            "var": self.var,
            "env_var": self.env_var,
            "config": self.config,
            "this": self.this,
            "target": self._target(),
            "flags": {"FULL_REFRESH": False, "WHICH": "compile"},
            "statement": _statement,
            "noop_statement": _nothing,
            "execute": True,
            "is_incremental": lambda: True,
            "should_full_refresh": lambda: False,
            "return": _return,
            "log": _nothing,
            "print": _nothing,
            "exceptions": {"warn": _nothing, "raise_compiler_error": _nothing},
            "tojson": lambda value, default=None: json.dumps(value, default=str),
            "fromjson": lambda text, default=None: json.loads(text),
            "set": lambda items: sorted(set(items), key=str),
            "zip": lambda *lists: [list(items) for items in zip(*lists, strict=False)],
            "dbt": dict(_DBT),
            "dbt_utils": {**_DBT, **_DBT_UTILS},
        }

    def _target(self) -> dict[str, Any]:
        given = self.variables.get("target")
        unknown = {name: getattr(self.unknown(name="target"), name) for name in _TARGET}
        adapter = {"type": self.manifest.adapter} if self.manifest.adapter else {}
        return {**unknown, **adapter, **(given if isinstance(given, dict) else {})}

    def ref(self, *names: str, v: Any = None, version: Any = None) -> Any:
        """`ref(model)`, `ref(package, model)`; one that the manifest does not have is called by its name."""
        if not names or not all(isinstance(name, str) for name in names):
            return self.unknown(name="ref")
        package = names[0] if len(names) > 1 else None
        found = self.manifest.model(names[-1], package, version if version is not None else v)
        return self._named(found or relation(None, None, names[-1]))

    def source(self, source: Any, table: Any) -> Any:
        if not isinstance(source, str) or not isinstance(table, str):
            return self.unknown(name="source")
        return self._named(self.manifest.source(source, table) or relation(None, source, table))

    def _named(self, named: Relation) -> Relation:
        self.refs.setdefault(named.dotted)
        return named

    def var(self, name: Any, default: Any = None) -> Any:
        if name in self.variables:
            return self.variables[name]
        return self.unknown(name=name) if default is None else default

    def env_var(self, name: Any, default: Any = None) -> Any:
        return self.unknown(name=name) if default is None else str(default)


_TARGET = "name type schema database dbname dataset project profile_name threads warehouse role user host".split()


def _statement(name: Any = None, *_: Any, caller: Callable[[], str], **__: Any) -> str:
    """The main statement is the model's SQL, others ask while compiling."""
    return caller() if name == "main" else ""


def _copied(value: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _plain(item) for name, item in value.items()}


def _plain(value: Any) -> Any:
    """Nothing but JSON's types goes into a template, so it cannot reach or change what is the caller's."""
    if isinstance(value, Mapping):
        return _copied(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or type(value) in (str, int, float, bool) else str(value)


def _return(value: Any = None) -> Any:
    raise Returned(value)


def _nothing(*_: Any, **__: Any) -> str:
    return ""


def _call(name: str) -> Callable[..., str]:
    return lambda *args, **kwargs: f"{name}({', '.join(map(str, (*args, *kwargs.values())))})"


def _of_part(name: str) -> Callable[..., str]:
    """A function whose first argument is a part of a date, which SQL must not take for a column."""
    return lambda part, *args, **kwargs: f"{name}('{part}', {', '.join(map(str, (*args, *kwargs.values())))})"


def _type(name: str) -> Callable[..., str]:
    return lambda *_, **__: name


def _key(*columns: Any, **named: Any) -> str:
    given = _flat([*columns, *named.values()])
    return f"md5(concat({', '.join(given)}))" if given else "null"


def _flat(items: Iterable[Any]) -> list[str]:
    return [str(part) for item in items for part in (item if isinstance(item, list | tuple) else [item])]


def _star(*_: Any, relation_alias: Any = None, **__: Any) -> str:
    return f"{relation_alias}.*" if isinstance(relation_alias, str) else "*"


def _all_of(set_operation: str) -> Callable[..., str]:
    def written(*relations: Any, **named: Any) -> str:
        given = _flat([*relations, *([named["relations"]] if "relations" in named else [])])
        return f" {set_operation} ".join(f"select * from {item}" for item in given) or "select null"

    return written


def _union(relations: Any = (), *_: Any, **__: Any) -> str:
    return _all_of("union all")(relations)


def _pivot(
    column: Any, values: Any, alias: Any = True, agg: str = "sum", cmp: str = "=", prefix: str = "", suffix: str = "",
    then_value: Any = 1, else_value: Any = 0, quote_identifiers: bool = True, distinct: bool = False,
) -> str:  # fmt: skip
    known = list(values)
    written = []
    for value in known:
        case = f"case when {column} {cmp} '{value}' then {then_value} else {else_value} end"
        name = f"{prefix}{value}{suffix}"
        spelled = name if not quote_identifiers or is_column(name) or isinstance(value, Undefined) else f'"{name}"'
        written.append(f"{agg}({'distinct ' if distinct else ''}{case})" + (f" as {spelled}" if alias else ""))
    return ", ".join(written)


def _group_by(n: int) -> str:
    return "group by " + ", ".join(str(index) for index in range(1, min(int(n), 1000) + 1))


def _deduplicate(relation: Any, partition_by: Any, order_by: Any) -> str:
    ranked = f"row_number() over (partition by {partition_by} order by {order_by}) as rn"
    return f"select * from (select *, {ranked} from {relation}) as ranked where rn = 1"


_DBT: dict[str, Callable[..., str]] = {
    **{name: _call(name) for name in "concat length hash replace right position any_value bool_or safe_cast".split()},
    **{name: _of_part(name) for name in ("dateadd", "date_trunc", "last_day")},
    "concat": lambda fields: f"concat({', '.join(_flat([fields]))})",
    "datediff": lambda first_date, second_date, datepart: f"datediff('{datepart}', {first_date}, {second_date})",
    "date_trunc": lambda datepart, date: f"date_trunc('{datepart}', {date})",
    "last_day": lambda date, datepart: f"last_day({date})",
    "split_part": lambda string_text, delimiter_text, part_number: (
        f"split_part({string_text}, {delimiter_text}, {part_number})"
    ),
    "safe_cast": lambda field, type: f"cast({field} as {type})",
    "cast": lambda field, type: f"cast({field} as {type})",
    "cast_bool_to_text": lambda field: f"cast({field} as varchar)",
    "hash": lambda field: f"md5({field})",
    "listagg": lambda measure, *_, **__: f"listagg({measure})",
    "string_literal": lambda value: f"'{value}'",
    "escape_single_quotes": lambda value: str(value).replace("'", "''"),
    "current_timestamp": _type("current_timestamp"),
    "except": _type("except"),
    "intersect": _type("intersect"),
    **{f"type_{name}": _type(name) for name in "timestamp float numeric bigint int boolean".split()},
    "type_string": _type("varchar"),
}

_DBT_UTILS: dict[str, Callable[..., str]] = {
    "star": _star,
    "surrogate_key": _key,
    "generate_surrogate_key": _key,
    "union_relations": _union,
    "pivot": _pivot,
    "group_by": _group_by,
    "deduplicate": _deduplicate,
    "safe_divide": lambda numerator, denominator: f"({numerator} / nullif({denominator}, 0))",
    "safe_add": lambda *fields: "(" + " + ".join(_flat(fields)) + ")",
    "safe_subtract": lambda *fields: "(" + " - ".join(_flat(fields)) + ")",
    "date_spine": lambda datepart, *_, **__: f"select null as date_{datepart}",
    "generate_series": lambda *_, **__: "select null as generated_number",
    "haversine_distance": lambda *args, **kwargs: (
        f"haversine_distance({', '.join(_flat([*args, *kwargs.values()])[:4])})"
    ),
}
