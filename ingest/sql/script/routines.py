"""CREATE PROCEDURE, FUNCTION, TRIGGER, PACKAGE, TASK and EVENT; DO blocks: headers, and bodies wherever they stand."""

from __future__ import annotations

from dataclasses import replace

from sqlglot.tokenizer_core import TokenType

from ingest.sql.script.blocks import batch_body, block, body, end_mark, single, too_deep
from ingest.sql.script.boundaries import leaf_end, leaf_end_from, statement_end
from ingest.sql.script.control import is_literal
from ingest.sql.script.declarations import parameters_in, section
from ingest.sql.script.headers import Header, columns
from ingest.sql.script.headers import header as read_header
from ingest.sql.script.nodes import Block, Call, Node, Return, Routine, Tokens, Variable
from ingest.sql.script.reader import DEEPEST, POSTGRES, Reader
from ingest.sql.script.tokens import unwrap

_KINDS = {
    "PROCEDURE": "PROCEDURE",
    "PROC": "PROCEDURE",
    "FUNCTION": "FUNCTION",
    "TRIGGER": "TRIGGER",
    "PACKAGE": "PACKAGE",
    "TASK": "TASK",
    "EVENT": "EVENT",
    "TYPE": "PACKAGE",  # TYPE BODY
}
_BEFORE_KIND = frozenset(
    "OR REPLACE ALTER EDITIONABLE NONEDITIONABLE SECURE TEMP TEMPORARY AGGREGATE TABLE CONSTRAINT EXTERNAL DEFINER"
    " UNIQUE TRANSIENT".split()
)
_JAVA = frozenset({"hive", "spark", "spark2", "databricks"})
_SQL = frozenset({"sql", "plpgsql", "plsql", "tsql"})


def create(reader: Reader, out: list[Node]) -> bool:
    """A CREATE or ALTER of something with a body; False (and nothing read) when it is another."""
    start = reader.at
    at = start + 1
    for _ in range(12):
        word = reader.word_at(at)
        if word in _KINDS and not reader.ended(at):
            break
        if word == "DEFINER":  # = user@host
            at += 2
            while not reader.ended(at) and reader.word_at(at) not in _KINDS and reader.word_at(at) != "SQL SECURITY":
                at += 1
        elif word == "SQL SECURITY":
            at += 2
        elif word in _BEFORE_KIND and not reader.ended(at):
            at += 1
        else:
            return False
    else:
        return False
    word = reader.word_at(at)
    if reader.word_at(start) == "ALTER" and not (reader.tsql and word in ("PROC", "PROCEDURE", "FUNCTION", "TRIGGER")):
        return False
    if word == "TYPE" and reader.word_at(at + 1) != "BODY":
        return False
    kind = _KINDS[word]
    at += 1
    if reader.word_at(at) == "BODY":
        at += 1
    if reader.word_at(at) == "IF":
        at += 2 + (reader.word_at(at + 1) == "NOT")
    return routine(reader, out, kind, start, at)


def member(reader: Reader, out: list[Node]) -> None:
    """PROCEDURE or FUNCTION within a declaration section or a package; without a body it is a Leaf."""
    start = reader.at
    reader.opened = len(reader.loose)
    if not routine(reader, out, reader.word(), start, start + 1):
        reader.at = start
        reader.leaf(leaf_end_from(reader, start), out)


def routine(reader: Reader, out: list[Node], kind: str, start: int, at: int) -> bool:
    name, at = reader.name(at)
    if not name:
        return False
    if reader.depth > DEEPEST:
        too_deep(reader, out)
        return True
    kept = (reader.function, reader.package, reader.handlers, reader.inside)
    mark, loose = reader.mark(), list(reader.loose)
    reader.handlers = []
    reader.function = kind == "FUNCTION"
    reader.depth += 1
    try:
        if kind == "PACKAGE":
            made = _package(reader, name, start, at)
        elif reader.tsql:
            made = _tsql(reader, kind, name, start, at)
        else:
            name, reader.package = reader.package + name, ()
            made = _other(reader, kind, name, start, at)
    finally:
        reader.depth -= 1
        reader.function, reader.package, reader.handlers, reader.inside = kept
    if made is None:
        reader.at = start
        reader.loose[:] = loose
        return False
    out.append(replace(made, tokens=reader.gather(made.tokens, mark)))
    return True


def _package(reader: Reader, name: tuple[str, ...], start: int, at: int) -> Routine | None:
    at = reader.find(at, "AS", "IS")
    if reader.ended(at):
        return None
    header = reader.cut(start, at + 1)
    reader.at = at + 1
    reader.package = name
    reader.inside = True
    found: list[Node] = []
    section(reader, found)
    handlers: tuple[tuple[Node, ...], ...] = ()
    if reader.word() == "BEGIN" and not reader.ended(reader.at):
        blocks: list[Node] = []
        block(reader, blocks, found)
        if isinstance(blocks[0], Block):
            found, handlers = list(blocks[0].body), blocks[0].handlers
            reader.loose += blocks[0].tokens
    else:
        end_mark(reader)
    return Routine("PACKAGE", name, (), Block(tuple(found), handlers), reader.tokens[start], tokens=header)


def _tsql(reader: Reader, kind: str, name: tuple[str, ...], start: int, at: int) -> Routine | None:
    if reader.word_at(at) == ";" and reader.word_at(at + 1) == "" and not reader.ended(at + 1):
        at += 2  # CREATE PROC p;1
    parameters: tuple[Variable, ...] = ()
    table: tuple[str, ...] = ()
    if kind == "TRIGGER":
        if reader.word_at(at) == "ON":
            table, at = reader.name(at + 1)
    elif reader.word_at(at) == "(" and reader.close[at] >= 0:
        parameters = parameters_in(reader, at + 1, reader.close[at])
        at = reader.close[at] + 1
    returns: tuple[str, ...] = ()
    returned = ""
    begin = at
    while not reader.ended(at):
        word = reader.words[at]
        if word == "RETURNS":
            if parameters == () and at > begin:
                parameters = parameters_in(reader, begin, at)
            variable, after = reader.name(at + 1)
            if variable and reader.word_at(at + 1) == "@":
                returned, at = variable[0], after
                if reader.word_at(at + 1) == "(":
                    returns, at = columns(reader, at + 1)
                continue
            begin = at + 1
        elif word == "AS" and not (reader.word_at(at - 2) == "@" and kind != "TRIGGER"):
            break
        elif word == "BEGIN" or (word == "RETURN" and kind == "FUNCTION"):
            at -= 1
            break
        elif word == "WITH" and begin >= 0 and kind == "PROCEDURE" and not parameters:
            parameters = parameters_in(reader, begin, at)
            begin = -1
        at = reader.skip(at)
    if reader.ended(at) and reader.word_at(at) != "AS":
        return None
    if kind == "PROCEDURE" and not parameters and begin >= 0:
        parameters = parameters_in(reader, begin, at)
    at += 1
    header = reader.cut(start, at)
    reader.at = at
    if reader.word() == "EXTERNAL":
        reader.at = statement_end(reader, at)
        return Routine(
            kind, name, parameters, Block(()), reader.tokens[start], "clr", tokens=reader.cut(start, reader.at)
        )
    if kind == "FUNCTION" and not (reader.word() == "BEGIN" and reader.word(1) not in ("TRY", "TRAN", "TRANSACTION")):
        made: tuple[Node, ...] = single(reader)
    elif reader.word() == "BEGIN" and reader.word(1) not in ("TRY", "TRAN", "TRANSACTION", "DISTRIBUTED"):
        made = single(reader)
    else:
        reader.inside = True
        made = batch_body(reader)
    content = made[0] if len(made) == 1 and isinstance(made[0], Block) else Block(made)
    return Routine(kind, name, parameters, content, reader.tokens[start], "sql", returns, returned, table, header)


def _other(reader: Reader, kind: str, name: tuple[str, ...], start: int, at: int) -> Routine | None:
    said = read_header(reader, kind, at)
    place = reader.tokens[start]
    language = said.language or "sql"
    if said.literal >= 0:
        literal = said.literal
        end = leaf_end_from(reader, literal)
        language = _language(reader, start, literal, end) or language
        if reader.dialect in _JAVA and reader.tokens[literal].token_type is TokenType.STRING:
            language = said.language or "java"  # AS 'a class'
        reader.at = end
        content = _literal(reader, literal, language, kind) if language in _SQL else Block(())
        tokens = reader.cut(start, end)
        return Routine(kind, name, said.parameters, content, place, language, said.returns, "", said.table, tokens)
    if said.body < 0 or reader.ended(said.body):
        return None
    if language not in _SQL:
        reader.at = leaf_end(reader, said.body)
        return Routine(
            kind, name, said.parameters, Block(()), place, language, said.returns, "", said.table,
            reader.cut(start, reader.at),
        )  # fmt: skip
    header = reader.cut(start, said.body)
    reader.at = said.body
    plain = _plain(reader, kind, said)
    if plain is None:
        return None
    return Routine(kind, name, said.parameters, plain, place, language, said.returns, "", said.table, header)


def _language(reader: Reader, start: int, literal: int, end: int) -> str:
    for at in (*range(literal + 1, end), *range(start, literal)):
        if reader.words[at] == "LANGUAGE" and at + 1 < end:
            return str(reader.tokens[at + 1].text).lower()
    return ""


def _literal(reader: Reader, literal: int, language: str, kind: str) -> Block:
    """The body in a literal, read with positions of the whole script."""
    style = reader.style
    if reader.dialect in POSTGRES:
        style = "plpgsql" if language in ("plpgsql", "plsql") or kind == "BLOCK" else reader.dialect
    return inner(reader, literal, style, reader.function)


def inner(reader: Reader, literal: int, style: str, function: bool = False) -> Block:
    stream = unwrap(reader.whole, reader.tokens[literal], reader.dialect)
    within = Reader(stream, reader.whole, reader.dialect, style, reader.statement, reader.depth, True)
    within.function = function
    within.loose, within.opened = reader.loose, len(reader.loose)
    found: list[Node] = []
    while within.at < within.size:
        found += body(within, ())
        within.at += 1  # a batch's end within the text
    handlers = tuple(within.handlers)
    if len(found) == 1 and isinstance(found[0], Block) and not handlers:
        return found[0]
    return Block(tuple(found), handlers)


def _plain(reader: Reader, kind: str, said: Header) -> Block | None:
    """A body that stands in the script itself."""
    reader.inside = True
    word = reader.word()
    found: list[Node] = []
    if word == "EXECUTE" and reader.word(1) in ("FUNCTION", "PROCEDURE"):
        name, at = reader.name(reader.at + 2)
        arguments, at = reader.arguments(at)
        return Block((Call(name, arguments, tokens=reader.take(max(at, reader.at + 2))),))
    if word == "DO":
        reader.drop(reader.at + 1)
        word = reader.word()
    if word == "COMPOUND" or (said.as_ and reader.style in ("oracle", "") and _sections(reader, kind)):
        return _plsql(reader)
    if said.as_ and (word == "(" or kind == "FUNCTION" or reader.dialect == "duckdb"):
        return _expression(reader)
    if word == "BEGIN" or (word == "DECLARE" and reader.style not in ("bigquery", "mysql")):
        reader.statement(reader, found)
    elif not reader.ended(reader.at):
        reader.statement(reader, found)
    if len(found) == 1 and isinstance(found[0], Routine) and not found[0].name:
        return found[0].body
    return found[0] if len(found) == 1 and isinstance(found[0], Block) else Block(tuple(found))


def _sections(reader: Reader, kind: str) -> bool:
    """Do declarations or a block follow (and not the query or expression of an SQL function)?"""
    return kind in ("PROCEDURE", "FUNCTION", "TRIGGER") and reader.word() not in ("SELECT", "WITH", "(", "RETURN")


def _plsql(reader: Reader) -> Block | None:
    """IS declarations BEGIN ... END; or a compound trigger's sections."""
    found: list[Node] = []
    if reader.word() == "COMPOUND":
        return None
    section(reader, found)
    if reader.word() != "BEGIN" or reader.ended(reader.at):
        return None if not found else Block(tuple(found))
    blocks: list[Node] = []
    block(reader, blocks, found)
    return blocks[0] if isinstance(blocks[0], Block) else None


def _expression(reader: Reader) -> Block:
    """AS expression, AS (query): what the function answers with."""
    end = leaf_end(reader, reader.at) if reader.word() != "BEGIN" else reader.at
    if end == reader.at:
        found: list[Node] = []
        reader.statement(reader, found)
        return found[0] if len(found) == 1 and isinstance(found[0], Block) else Block(tuple(found))
    begin, stop = reader.bare(reader.at, end)
    query = reader.is_query(begin, stop)
    value: Tokens = reader.cut(begin, stop)
    return Block((Return(value, query, tokens=reader.take(end)),))


def do(reader: Reader, out: list[Node]) -> bool:
    """DO [LANGUAGE x] $$ ... $$; False (and nothing read) for MySQL's DO expression."""
    start = reader.at
    end = leaf_end(reader, start)
    literal = next((at for at in range(start + 1, min(end, start + 5)) if is_literal(reader.tokens[at])), -1)
    if literal < 0:
        return False
    language = _language(reader, start, literal, end) or "plpgsql"
    content = inner(reader, literal, "plpgsql") if language in _SQL else Block(())
    tokens = reader.cut(start, end)
    reader.at = end
    out.append(Routine("BLOCK", (), (), content, reader.tokens[start], language, tokens=tokens))
    return True


def immediate_block(reader: Reader, out: list[Node]) -> bool:
    """Snowflake's EXECUTE IMMEDIATE $$ block $$."""
    start = reader.at
    literal = start + 2
    if literal >= reader.size or not is_literal(reader.tokens[literal]) or not reader.ended(literal + 1):
        return False
    if not reader.whole.startswith("$", reader.tokens[literal].start):
        return False
    content = inner(reader, literal, reader.style)
    tokens = reader.take(literal + 1)
    out.append(Routine("BLOCK", (), (), content, reader.tokens[start], tokens=tokens))
    return True


def prepared(reader: Reader, out: list[Node]) -> bool:
    """Postgres's PREPARE p (types) AS statement: a routine that EXECUTE p calls."""
    start = reader.at
    name, at = reader.name(start + 1)
    _, at = reader.arguments(at)
    if not name or reader.word_at(at) != "AS" or reader.ended(at + 1):
        return False
    header = reader.cut(start, at + 1)
    reader.at = at + 1
    out.append(Routine("PROCEDURE", name, (), Block(single(reader)), reader.tokens[start], tokens=header))
    return True
