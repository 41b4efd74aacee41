"""DECLARE in its forms: single statements, and the sections before a BEGIN; parameters of routines."""

from __future__ import annotations

from ingest.sql.script.boundaries import leaf_end, leaf_end_from, statement_end
from ingest.sql.script.control import immediate
from ingest.sql.script.nodes import Declare, Node, Tokens, Variable
from ingest.sql.script.reader import Reader, is_name

_MODES = frozenset({"IN", "OUT", "INOUT", "VARIADIC", "INPUT", "OUTPUT"})
_SCROLLS = ("FOR", "IS")


def declare(reader: Reader, out: list[Node]) -> None:
    """One DECLARE statement of T-SQL, BigQuery, MySQL, Databricks, or of an SQL cursor."""
    if reader.tsql:
        _declare_tsql(reader, out)
        return
    start = reader.at
    at = start + 1
    while reader.word_at(at) in ("OR", "REPLACE", "VARIABLE", "VAR"):
        at += 1
    end = leaf_end(reader, start)
    cursor = reader.find(at, "CURSOR", limit=end)
    if cursor < end and reader.name(at)[1] <= cursor:
        variable = cursor_variable(reader, at, end)
        out.append(Declare((variable,) if variable else (), reader.take(end)))
        return
    names: list[str] = []
    while True:
        name, after = reader.name(at)
        if not name or after > end:
            break
        names.append(".".join(name))
        at = after
        if reader.word_at(at) != "," or at >= end:
            break
        at += 1
    if not names or reader.word_at(at) == "CONDITION":
        reader.leaf(end, out)
        return
    variable = _typed(reader, "", at, end)
    variables = (
        Variable(name, variable.type, variable.default, variable.query, variable.text) for name in dict.fromkeys(names)
    )
    out.append(Declare(tuple(variables), reader.take(end)))


def _declare_tsql(reader: Reader, out: list[Node]) -> None:
    """DECLARE @a int = 1, @t TABLE (...), or c CURSOR FOR SELECT: until the next statement's word."""
    start = reader.at
    end = statement_end(reader, start)
    at = start + 1
    variables: list[Variable] = []
    while at < end:
        name, after = reader.name(at)
        if not name or after > end:
            break
        at = after
        while at < end and reader.words[at] in ("INSENSITIVE", "SCROLL"):
            at += 1
        if at < end and reader.words[at] == "CURSOR":
            variable = cursor_variable(reader, at - 1, end)
            query = variable.query if variable else ()
            variables.append(Variable(name[0], default=variable.default if variable else (), query=query))
            if query:
                at = end
            while at < end and reader.words[at] != ",":
                at = reader.skip(at)
        else:
            while at < end and reader.words[at] not in (",", "="):
                at = reader.skip(at)
            kind = reader.cut(after + (reader.word_at(after) == "AS"), min(at, end))
            default: Tokens = ()
            if at < end and reader.words[at] == "=":
                value = at + 1
                while at < end and reader.words[at] != ",":
                    at = reader.skip(at)
                default = reader.cut(value, min(at, end))
            variables.append(Variable(name[0], kind, default))
        at += 1
    out.append(Declare(tuple(variables), reader.take(end)))


def cursor_variable(reader: Reader, start: int, end: int) -> Variable | None:
    """`c [NO SCROLL] CURSOR [(p)] [WITH HOLD] FOR|IS query`, or PL/SQL's `CURSOR c [(p)] [RETURN t] IS query`."""
    cursor = reader.find(start, "CURSOR", limit=end)
    if cursor >= end:
        return None
    name, at = reader.name(start if cursor > start else cursor + 1)
    at = max(at, cursor + 1)
    parameters: tuple[Variable, ...] = ()
    if reader.word_at(at) == "(" and reader.close[at] >= 0:
        parameters = parameters_in(reader, at + 1, reader.close[at])
        at = reader.close[at] + 1
    body = reader.find(at, *_SCROLLS, limit=end)
    shown = name[0] if name else ""
    if body + 1 >= end:
        return Variable(shown, parameters=parameters)
    if reader.is_query(body + 1, end):
        return Variable(shown, query=reader.cut(*reader.bare(body + 1, end)), parameters=parameters)
    return Variable(shown, default=reader.cut(body + 1, end), parameters=parameters)


def _typed(reader: Reader, name: str, at: int, end: int) -> Variable:
    """`type [:= | DEFAULT | = value]` between two places."""
    value = at
    while value < end and reader.words[value] not in (":=", "DEFAULT", "="):
        value = reader.skip(value)
    value = min(value, end)
    kind = reader.cut(at, value)
    if value + 1 >= end:
        return Variable(name, kind)
    begin, stop = value + 1, end
    text = immediate(reader, begin, stop)
    if reader.is_query(begin, stop) and kind and kind[0].text.upper() == "RESULTSET":
        return Variable(name, kind, query=reader.cut(*reader.bare(begin, stop)))
    return Variable(name, kind, reader.cut(begin, stop), text=text)


def section(reader: Reader, out: list[Node]) -> None:
    """The declarations from the place to the BEGIN that ends them (or END, of a package); not the BEGIN."""
    from ingest.sql.script.routines import member  # the two read each other

    while reader.at < reader.size:
        word = reader.word()
        if word == ";":
            reader.at += 1
            continue
        if reader.ended(reader.at) or word in ("BEGIN", "END", "EXCEPTION"):
            return
        before = reader.at
        if word in ("PROCEDURE", "FUNCTION") and is_member(reader):
            member(reader, out)
        elif word == "DECLARE":  # plpgsql lets it be said again
            reader.drop(reader.at + 1)
        else:
            declaration(reader, out)
        if reader.at <= before:
            reader.unsplit(before + 1, "not understood in a declaration", out)


def is_member(reader: Reader) -> bool:
    return reader.at + 1 < reader.size and is_name(reader.tokens[reader.at + 1])


def declaration(reader: Reader, out: list[Node]) -> None:
    """One declaration of a section, without its semicolon."""
    start = reader.at
    end = leaf_end_from(reader, start)
    end = reader.find(start, "BEGIN", limit=end)
    word = reader.word()
    if word in ("TYPE", "SUBTYPE", "PRAGMA") and reader.word(1) not in (":=", "INT", "VARCHAR"):
        reader.leaf(end, out)
        return
    cursor = word == "CURSOR" or reader.find(start + 1, "CURSOR", limit=min(end, start + 5)) < min(end, start + 5)
    if cursor and _is_cursor(reader, start, end):
        variable = cursor_variable(reader, start, end)
        out.append(Declare((variable,) if variable else (), reader.take(end)))
        return
    name, at = reader.name(start)
    if not name or at >= end:
        reader.leaf(end, out)
        return
    if reader.word_at(at) == "CONSTANT":
        at += 1
    if reader.word_at(at) == "ALIAS" and reader.word_at(at + 1) == "FOR":
        variable = Variable(name[0], default=reader.cut(at + 2, end))
    else:
        variable = _typed(reader, ".".join(name), at, end)
    out.append(Declare((variable,), reader.take(end)))


def _is_cursor(reader: Reader, start: int, end: int) -> bool:
    if reader.word_at(start) == "CURSOR":
        return True
    at = reader.name(start)[1]
    while at < end and reader.words[at] in ("NO", "SCROLL", "INSENSITIVE", "ASENSITIVE"):
        at += 1
    return reader.word_at(at) == "CURSOR"


def parameters_in(reader: Reader, start: int, end: int) -> tuple[Variable, ...]:
    """The parameters between two places: `[IN|OUT] name type [DEFAULT e]`, or T-SQL's `@name [AS] type [= e]`."""
    variables: list[Variable] = []
    at = start
    while at < end:
        stop = at
        while stop < end and reader.words[stop] != ",":
            stop = reader.skip(stop)
        stop = min(stop, end)
        begin = at
        while begin < stop and reader.words[begin] in _MODES:
            begin += 1
        name, after = reader.name(begin)
        if name and after <= stop:
            while after < stop and reader.words[after] in (*_MODES, "AS", "NOCOPY"):
                after += 1
            variables.append(_typed(reader, ".".join(name), after, stop))
        at = stop + 1
    return tuple(variables)
