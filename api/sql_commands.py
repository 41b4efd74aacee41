"""What `andon sql` does: draws, answers, sends and explains the lineage of SQL texts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import yaml

from api.progress import Bar
from graph.errors import InvalidInput, NotFound
from ingest.sql import Convention, events, lineage, pictures, records
from ingest.sql.modelling import Pattern, facts_of, patterns
from ingest.sql.result import Category, ColumnEdge, Hop, Place, SqlLineage, Table, Unread
from ingest.sql.templates.manifest import Manifest, Relation, read_manifest

STANDARD_INPUT = "-"
FORMATS = {"mermaid": pictures.mermaid, "dot": pictures.dot, "json": pictures.json, "table": pictures.table}
_EXPRESSION = 200  # characters of an expression that are shown


@dataclass(frozen=True, slots=True)
class Reading:
    """How the texts are to be read: what they don't say themselves."""

    dialect: str = ""
    schemas: records.Schemas = field(default_factory=dict)
    default_db: str | None = None
    default_schema: str | None = None
    manifest: Manifest | None = None

    def lineage(self, text: str, name: str) -> SqlLineage:
        """Of a file of that name; what a dbt model selects goes into the model."""
        model = Path(name).stem
        result = lineage(
            text,
            self.dialect,
            self.schemas,
            self.default_db,
            self.default_schema,
            explain=True,
            manifest=self.manifest,
            model=model,
        )
        relation = self.manifest.model(model) if self.manifest is not None else None
        return result if relation is None else _into(result, relation)


def reading(
    dialect: str | None, schema: str | None, default_db: str | None, default_schema: str | None, manifest: str | None
) -> Reading:
    """From the flags' values; raises `InvalidInput` for a file that does not hold what its flag means."""
    project = read_manifest(manifest) if manifest is not None else None
    if dialect is None and project is not None and project.adapter in records.DIALECTS:
        dialect = project.adapter
    return Reading(
        records.dialect_of(dialect or ""),
        _schema_file(Path(schema)) if schema is not None else {},
        default_db,
        default_schema,
        project,
    )


def draw(paths: Sequence[str], how: Reading, convention: Convention, format: str, *, columns: bool) -> int:
    """Print one picture of all the files; returns 1 if nothing of them could be read."""
    drawn = []
    understood = False
    for name, result in _lineages(_files(paths), how):
        drawn.append(pictures.drawn(result, convention, name))
        understood = understood or _understood(result)
    if drawn:
        _say(FORMATS[format](pictures.joined(drawn), convention, columns=columns))
    return 0 if understood else 1


def print_events(
    paths: Sequence[str], how: Reading, namespace: str, job: str | None, dataset_namespace: str | None
) -> int:
    """Print the OpenLineage events of all the files as the JSON array that `/api/v1/lineage/batch` takes, one event
    a line; returns 1 if nothing of them could be read. A file's job is `job`, else called after the file."""
    files = _files(paths)
    jobs = _job_names(files, paths, job)
    produced_at = datetime.now(UTC)
    found: list[events.Event] = []
    understood = False
    for name, result in _lineages(files, how):
        understood = understood or _understood(result)
        found += events.job_events(
            result,
            namespace=namespace,
            job=jobs[name],
            dataset_namespace=dataset_namespace or namespace,
            produced_at=produced_at,
            schema=how.schemas,
        )
    _say("[" + ",\n".join(msgspec.json.encode(event).decode() for event in found) + "]\n")
    return 0 if understood else 1


def answer_records(source: str, how: Reading, convention: Convention) -> int:
    """Print one answer for each line of JSON, in order; what a record does not say is as `how` has it."""
    defaults = {
        "dialect": how.dialect,
        "schemas": how.schemas,
        "default_db": how.default_db,
        "default_schema": how.default_schema,
        "convention": convention.name,
    }
    if source == STANDARD_INPUT:
        _answer_lines(sys.stdin.buffer, defaults, how.manifest, None)
        return 0
    with Path(source).open("rb") as file:
        # A bar in between the answers would help nobody.
        bar = Bar(os.fstat(file.fileno()).st_size) if not sys.stdout.isatty() else None
        _answer_lines(file, defaults, how.manifest, bar)
    return 0


def explain(path: str, how: Reading, column: str | None) -> int:
    """Print which expression makes each column (or `column`, as table.column) from which, step by step."""
    read = _lineages(_files([path]), how)
    if len(read) != 1:
        return 1
    [(name, result)] = read
    groups: dict[tuple[Table | None, str | None], list[tuple[Place, ColumnEdge]]] = {}
    for statement in result.statements:
        for edge in statement.hop.edges if not statement.rolled_back else ():
            if column is None or _is_meant(edge, column.lower()):
                said = (edge.place or statement.place, edge)
                groups.setdefault((edge.target, edge.target_column), []).append(said)
    if column is not None and not any(made is not None for _, made in groups):
        raise NotFound(f"{name} writes no column {column!r}")
    for (target, made), edges in groups.items():
        _say(_explained(name, target, made, edges))
    return 0 if _understood(result) else 1


def model(paths: Sequence[str], how: Reading, format: str) -> int:
    """Print which tables form a star, a snowflake, a galaxy or a data vault, and by what evidence.

    All files are one estate. Returns 1 if nothing of them could be read.
    """
    read = [result for _, result in _lineages(_files(paths), how)]
    whole = SqlLineage(how.dialect, tuple(statement for result in read for statement in result.statements))
    found = patterns(*facts_of(whole, how.schemas))
    if format == "json":
        _say(msgspec.json.format(msgspec.json.encode([_as_values(one) for one in found]), indent=2).decode() + "\n")
    else:
        rows = [
            (f"{number} {one.kind}", member.table, member.role, f"{member.confidence:.2g}", "; ".join(member.evidence))
            for number, one in enumerate(found, 1)
            for member in one.members
        ]
        _say(pictures.aligned(("MODEL", "TABLE", "ROLE", "CONFIDENCE", "EVIDENCE"), rows))
    return 0 if any(map(_understood, read)) else 1


def _as_values(pattern: Pattern) -> dict[str, Any]:
    return {
        "kind": pattern.kind,
        "confidence": round(pattern.confidence, 2),
        "evidence": pattern.evidence,
        "members": [
            {
                "table": member.table,
                "role": member.role,
                "confidence": round(member.confidence, 2),
                "evidence": member.evidence,
            }
            for member in pattern.members
        ],
    }


# --- reading ------------------------------------------------------------------------------------------------------


def _lineages(files: Sequence[str], how: Reading) -> list[tuple[str, SqlLineage]]:
    """Each file that can be opened with its lineage; standard error hears of the rest, and of what was not read."""
    bar = Bar(len(files)) if len(files) > 1 else None
    found = []
    for number, name in enumerate(files):
        if bar is not None:
            bar.show(number, pictures.visible(name))
        try:
            text = _text(sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes())
        except OSError as error:
            _complain(bar, f"{name}: {error.strerror}")
            continue
        result = how.lineage(text, name)
        found.append((_shown(name), result))
        for part in sorted((*pictures.unread_parts(result), *result.notes), key=_where):
            _complain(bar, f"{name}:{part.place.line}:{part.place.column}: {part.reason}")
    if bar is not None:
        bar.clear()
    return found


def _where(part: Unread) -> Place:
    return part.place


def _into(result: SqlLineage, model: Relation) -> SqlLineage:
    """The lineage with the result of its last bare SELECT flowing into a model."""
    *before, last = result.statements or (None,)
    if last is None or last.category is not Category.DQL or last.hop.outputs:
        return result
    parts = (model.database, model.schema, model.identifier)
    target = Table(tuple(part.lower() for part in parts if part))
    made = replace(last, hop=_hop_into(last.hop, target), lasting=_hop_into(last.lasting, target))
    return replace(result, statements=(*before, made))


def _hop_into(hop: Hop, target: Table) -> Hop:
    edges = tuple(replace(edge, target=target) if edge.target is None else edge for edge in hop.edges)
    return Hop(hop.inputs, (target,), edges)


def _files(paths: Sequence[str]) -> list[str]:
    """The files, and those named *.sql below the folders, each once; raises `InvalidInput` for what is not there."""
    found: dict[str, None] = {}
    for path in paths:
        if path == STANDARD_INPUT or Path(path).is_file():
            found[path] = None
        elif Path(path).is_dir():
            below = dict.fromkeys(_below(path))
            if not below:
                sys.stderr.write(f"{path}: there is no .sql file below\n")
            found |= below
        else:
            raise InvalidInput(f"there is no file or folder {path!r}")
    return list(found)


def _below(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, name) for name in sorted(names) if name.lower().endswith(".sql"))


def _job_names(files: Sequence[str], paths: Sequence[str], job: str | None) -> dict[str, str]:
    """The job of each file: `job`, or its name without the ending, with the folders below the one that was given."""
    if job is not None and len(files) > 1:
        raise InvalidInput("is for one file", field="--job")
    named: dict[str, str] = {}
    for file in files:
        name = job or _name_below(file, paths)
        if name in named:
            raise InvalidInput(f"{named[name]} and {file} would both be the job {name!r}; give the folder above them")
        named[name] = file
    return {_shown(file): name for name, file in named.items()}


def _name_below(file: str, paths: Sequence[str]) -> str:
    if file == STANDARD_INPUT:
        raise InvalidInput("is needed for standard input", field="--job")
    path = Path(file)
    above = [Path(one) for one in paths if one != file and path.is_relative_to(one)]
    below = path.relative_to(above[0]) if above else Path(path.name)
    return _shown(".".join(below.with_suffix("").parts))


def _shown(name: str) -> str:
    """A file's name as text, whatever its bytes."""
    return os.fsencode(name).decode(errors="replace")


def _text(content: bytes) -> str:
    """UTF-8, or UTF-16 with its mark as SQL Server's tools write it, or else the Windows code page."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _schema_file(path: Path) -> records.Schemas:
    try:
        content = path.read_bytes()
        if path.suffix in (".yaml", ".yml"):
            return records.schemas_of(yaml.safe_load(content) or {}, "--schema")
        return records.schemas_of(msgspec.json.decode(content), "--schema")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}", field="--schema") from None
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: {error}", field="--schema") from None


def _understood(result: SqlLineage) -> bool:
    """Something was read, or there was nothing to read."""
    if not result.statements:
        return not result.unread
    return any(statement.hop != Hop() or not statement.unread for statement in result.statements)


# --- records ------------------------------------------------------------------------------------------------------


def _answer_lines(lines: BinaryIO, defaults: Mapping[str, Any], manifest: Manifest | None, bar: Bar | None) -> None:
    done = 0
    for line in lines:
        if bar is not None:
            bar.show(done, "")
        done += len(line)
        if line.strip():
            _say(msgspec.json.encode(_answer_line(line, defaults, manifest)).decode() + "\n")
    if bar is not None:
        bar.clear()


def _answer_line(line: bytes, defaults: Mapping[str, Any], manifest: Manifest | None) -> dict[str, Any]:
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return records.refusal(None, f"this line is no JSON: {error}")
    if not isinstance(record, dict):
        return records.refusal(None, "expected an object like {id, dialect, sql}")
    said = {key: value for key, value in record.items() if value is not None}
    return records.answer({**defaults, **said}, manifest)


# --- explaining ---------------------------------------------------------------------------------------------------


def _is_meant(edge: ColumnEdge, column: str) -> bool:
    """The edge makes the column, written with as much of its table's name as one likes, or all of its table's."""
    table = edge.target.name if edge.target is not None else ""
    if edge.target_column is None:
        wanted = column.rpartition(".")[0]
        return bool(wanted) and f".{table}".endswith(f".{wanted}")
    whole = f"{table}.{edge.target_column}" if table else edge.target_column
    return f".{whole}".endswith(f".{column}")


def _explained(name: str, target: Table | None, column: str | None, edges: Sequence[tuple[Place, ColumnEdge]]) -> str:
    lines = [_column_name(target, column) if column is not None else f"{_table_name(target)}: all columns"]
    shown: tuple[Place, str] | None = None
    for place, edge in edges:
        if shown != (place, edge.expression):
            shown = (place, edge.expression)
            lines.append(f"  {name}:{place.line}:{place.column}: {_shortened(edge.expression)}".rstrip(": "))
        way = "from" if any(one.type == "DIRECT" for one in edge.transformations) else "by"
        source = _column_name(edge.source, edge.source_column) if edge.source else f"?.{edge.source_column}"
        doubt = f" (confidence {edge.confidence:g}: {edge.reason})" if edge.confidence < 1 or edge.reason else ""
        lines.append(f"    {way} {source}: {pictures.how(edge.transformations)}{doubt}")
    return "".join(pictures.visible(line) + "\n" for line in lines)


def _column_name(table: Table | None, column: str) -> str:
    return f"{_table_name(table)}.{column}"


def _table_name(table: Table | None) -> str:
    if table is None:
        return "(result)"
    return f"{table.name} (temporary)" if table.temporary else table.name


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _EXPRESSION else words[:_EXPRESSION] + " ..."


# --- output -------------------------------------------------------------------------------------------------------


def _say(text: str) -> None:
    """Print at once: whoever sends records through a pipe waits for each answer."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def _complain(bar: Bar | None, line: str) -> None:
    if bar is not None:
        bar.clear()
    sys.stderr.write(pictures.visible(line) + "\n")
