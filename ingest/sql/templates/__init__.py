"""Templates in SQL: dbt's and Airflow's Jinja becomes SQL that a parser reads.

`render` runs the template as dbt would, given a manifest; `neutralise` reads it piece by piece, so that it needs
nothing known and forgives everything, and keeps every line where it was. Both run jinja2's expressions in a cage
(`template_sandbox`), and neither lets an exception out, whatever the template says.

How unknown things are read:
- a condition that cannot be decided takes its first branch; `is_incremental()` and `execute` are true, so an
  incremental model is seen reading itself;
- an unknown list has one item, which is the first and the last;
- an unknown value is a name where SQL needs a name, `null` where it needs a value, nothing where it needs none; a
  macro given columns by name is a function of them. Each such guess is a `Note`;
- `{% call statement('main') %}` is SQL, other statements are asked while compiling and are none of the model's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jinja2 import TemplateError

from ingest.sql.templates.context import Dbt
from ingest.sql.templates.manifest import Manifest, Relation, read_manifest
from ingest.sql.templates.pieces import CAPTURES, Piece, pieces
from ingest.sql.templates.reading import Reading
from ingest.sql.templates.sandbox import MAX_SECONDS, MAX_SOURCE, MAX_TEXT, Budget, Sandbox
from ingest.sql.templates.unknowns import LINE_CLOSE, LINE_OPEN, Guess, Guesses, clean, settle

__all__ = ["Manifest", "Note", "Rendered", "is_template", "neutralise", "read_manifest", "render"]


MAX_PIECES = 5_000
"""Tags and texts of a template that is compiled as one."""
MAX_NOTES = 1_000
_MARKS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))


class Note(NamedTuple):
    """What was guessed, at which line of the template."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The SQL, and what the template said beside it.

    `refs` are the relations of `ref` and `source`, dotted and without quotes. `materialized` is config's word (view,
    table, incremental, ephemeral, ...; snapshot for a snapshot block). `lines` tells for each line of `text` the
    template's line (both from 1); it is empty where they are the same.
    """

    text: str
    refs: tuple[str, ...] = ()
    materialized: str | None = None
    notes: tuple[Note, ...] = ()
    lines: tuple[int, ...] = ()

    def line(self, line: int) -> int:
        """The template's line for a line of `text`."""
        return self.lines[min(max(line, 1), len(self.lines)) - 1] if self.lines else line


def is_template(text: str) -> bool:
    """Is there any Jinja in it? Brackets of other languages, such as PostgreSQL's '{{1,2},{3,4}}', are none."""
    marked = [found for opening, closing in _MARKS if (found := _between(text, opening, closing))]
    if not marked or len(text) > MAX_SOURCE:
        return bool(marked)
    return any(map(_has_jinja, marked)) or _has_jinja(text)


def _between(text: str, opening: str, closing: str) -> str:
    """The first mark with all up to where it may end, "" if there is none."""
    start = text.find(opening)
    end = text.find(closing, start + 2) if start >= 0 else -1
    return text[start : end + 2] if end >= 0 else ""


def _has_jinja(text: str) -> bool:
    return any(piece.kind not in ("data", "broken") for piece in pieces(clean(text)))


def render(
    text: str, manifest: Manifest, variables: Mapping[str, Any] | None = None, *, model: str | None = None
) -> Rendered:
    """The template as dbt would compile it; `model` names it in the manifest, which tells `this`.

    `variables` are what `var` gives, and names of their own (`{"params": {"table": "t"}}`). A template that jinja2
    cannot run within the budget is neutralised instead, which a note says.
    """
    text = clean(text)
    guesses = Guesses()
    unknown = guesses.type()
    dbt = Dbt(manifest, variables or {}, unknown, _this(manifest, model))
    try:
        found = pieces(text)
        if len(text) > MAX_SOURCE or len(found) > MAX_PIECES:
            raise TemplateError("the template is too long")
        written = _run(_marked(found), Sandbox(Budget(), unknown), dbt)
    except Exception as error:  # a template may fail in any way that Python code can
        rest = neutralise(text, manifest, variables, model=model)
        note = Note(getattr(error, "lineno", None) or 1, f"not rendered, so read piece by piece: {_said(error)}")
        return Rendered(rest.text, rest.refs, rest.materialized, (note, *rest.notes))
    written, lines = _unmarked(written)
    notes: list[Note] = []

    def told(line: int, guess: Guess, instead: str) -> None:
        notes.append(_note(lines[min(line, len(lines)) - 1], guess, instead))

    settled = settle(written, guesses.printed, told)
    return Rendered(settled, tuple(dbt.refs), _materialized(dbt, found), tuple(notes[:MAX_NOTES]), lines)


def neutralise(
    text: str,
    manifest: Manifest | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    model: str | None = None,
) -> Rendered:
    """The template read piece by piece: what can be known is filled in, the rest is guessed; lines stay in place.

    Loops over known lists are written out, the second and later rounds in the first one's last line.
    """
    text = clean(text)
    guesses = Guesses()
    unknown = guesses.type()
    known = manifest or Manifest()
    dbt = Dbt(known, variables or {}, unknown, _this(known, model))
    reading = Reading(Sandbox(Budget(MAX_SECONDS), unknown), dbt, guesses)
    found = pieces(text)
    written = reading.read(found)
    notes = [Note(line, said) for line, said in reading.notes]
    settled = settle(written, guesses.printed, lambda line, guess, instead: notes.append(_note(line, guess, instead)))
    return Rendered(settled, tuple(dbt.refs), _materialized(dbt, found), tuple(sorted(set(notes))[:MAX_NOTES]))


def _run(source: str, sandbox: Sandbox, dbt: Dbt) -> str:
    parts: list[str] = []
    size = 0
    for part in sandbox.from_string(source).generate(dbt.names()):
        size += len(part)
        if size > 2 * MAX_TEXT:
            raise TemplateError("the template writes too much")
        parts.append(part)
    return "".join(parts)


def _this(manifest: Manifest, model: str | None) -> Relation | None:
    return manifest.model(model) if model else None


def _materialized(dbt: Dbt, found: list[Piece]) -> str | None:
    return dbt.config.materialized or ("snapshot" if any(piece.keyword == "snapshot" for piece in found) else None)


def _note(line: int, guess: Guess, instead: str) -> Note:
    call = "" if guess.arguments is None else "(...)"
    return Note(line, f"{'.'.join(guess.path)}{call} is not known, read as {instead or 'nothing'}")


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def _marked(found: list[Piece]) -> str:
    """The source with each line's number before its first word, but where the template itself would see it."""
    source: list[str] = []
    captures = 0
    for piece in found:
        captures += piece.keyword in CAPTURES and not (piece.keyword == "set" and not piece.block)
        captures -= piece.keyword.removeprefix("end") in CAPTURES and piece.keyword.startswith("end")
        if piece.kind != "data" or captures > 0:
            source.append(piece.source)
            continue
        for index, line in enumerate(piece.source.split("\n")):
            said = line.lstrip()
            mark = f"{LINE_OPEN}{piece.line + index}{LINE_CLOSE}" if said else ""
            source.append(("\n" if index else "") + line[: len(line) - len(said)] + mark + said)
    return "".join(source)


def _unmarked(written: str) -> tuple[str, tuple[int, ...]]:
    """The text without its marks, and for each of its lines the number of the first mark in or before it."""
    first, *rest = written.split(LINE_OPEN)
    parts, starts, numbers = [first], [0], [1]
    at = first.count("\n")
    for part in rest:
        number, _, said = part.partition(LINE_CLOSE)
        if at == starts[-1] and len(starts) > 1:
            pass  # the line's first mark stands
        else:
            starts.append(at)
            numbers.append(int(number))
        at += said.count("\n")
        parts.append(said)
    text = "".join(parts)
    lines = tuple(numbers[bisect_right(starts, line) - 1] for line in range(text.count("\n") + 1))
    return text, lines
