"""A script in any of sqlglot's dialects becomes a block tree, over the dialect's own tokens."""

from __future__ import annotations

from collections.abc import Callable

from ingest.sql.script import blocks, control, routines
from ingest.sql.script.boundaries import leaf_end, statement_end
from ingest.sql.script.declarations import declaration, declare
from ingest.sql.script.nodes import (
    Arm,
    Assign,
    Block,
    Branch,
    Call,
    Declare,
    Execute,
    Fetch,
    Leaf,
    Loop,
    Node,
    Open,
    Return,
    Routine,
    Tokens,
    Transaction,
    Unsplit,
    Variable,
)
from ingest.sql.script.reader import DEEPEST, POSTGRES, SECTIONS, Reader
from ingest.sql.script.tokens import BATCH, LOST, for_parser, place, stream

__all__ = [
    "Arm",
    "Assign",
    "Block",
    "Branch",
    "Call",
    "Declare",
    "Execute",
    "Fetch",
    "Leaf",
    "Loop",
    "Node",
    "Open",
    "Return",
    "Routine",
    "Tokens",
    "Transaction",
    "Unsplit",
    "Variable",
    "for_parser",
    "split",
]


_TRANSACTIONS = frozenset(
    "TRANSACTION TRAN WORK ISOLATION READ DEFERRED IMMEDIATE EXCLUSIVE DEFERRABLE CONCURRENT NAME DISTRIBUTED".split()
)
_SQLPLUS = frozenset(
    "PROMPT SPOOL SHOW SHO REM REMARK WHENEVER DEFINE DEF UNDEFINE COLUMN COL ACCEPT VARIABLE VAR PRINT EXIT QUIT HOST"
    " CLEAR TTITLE BTITLE START CONNECT CONN DISCONNECT TIMING BREAK COMPUTE PAUSE DESC DESCRIBE SET @ @@ !".split()
)
_SERVER_SETS = frozenset({"ROLE", "TRANSACTION", "CONSTRAINT", "CONSTRAINTS"})


def split(sql: str, dialect: str = "") -> tuple[Node, ...]:
    """The whole script as a tree of blocks; never raises for any text, and drops nothing silently.

    `dialect` is a name of sqlglot's ("" is ANSI); an unknown one raises its ValueError.
    """
    dialect = dialect.lower()
    reader = Reader(stream(sql, dialect), sql, dialect, dialect, statement)
    out: list[Node] = []
    while reader.at < reader.size:
        if reader.word() in (";", BATCH):
            reader.at += 1
            continue
        before = reader.at
        statement(reader, out)
        if reader.loose:
            tokens = reader.gather((), 0)
            out.append(Unsplit(tokens, "belongs to no block", place(tokens[0])))
        while reader.handlers:  # a handler outside a block
            out.append(Block((), (reader.handlers.pop(0),)))
        if reader.at <= before:
            reader.unsplit(before + 1, "not understood as a statement", out)
    return tuple(out)


def statement(reader: Reader, out: list[Node]) -> None:
    """Reads one statement, with all that is in it."""
    reader.depth += 1
    reader.opened = len(reader.loose)
    try:
        if reader.depth > DEEPEST:
            blocks.too_deep(reader, out)
        else:
            _statement(reader, out)
    finally:
        reader.depth -= 1


def _statement(reader: Reader, out: list[Node]) -> None:
    word = reader.word()
    if word == LOST:
        reader.unsplit(reader.at + 1, reader.lost.get(reader.at, "not tokenised"), out)
        return
    if not reader.inside and _client_line(reader, word):
        reader.leaf(reader.line_end(reader.at), out)
        return
    if reader.tsql:
        if reader.word(1) == ":" and reader.word(2) != ":" and not reader.ended(reader.at + 1):
            reader.leaf(reader.at + 2, out)  # a label
            return
    else:
        blocks.labels(reader)
        word = reader.word()
        if reader.ended(reader.at):
            return
        if reader.word(1) == ":=" and control.assignment(reader, out):
            return
    read = _READERS.get(word)
    if read is not None and read(reader, out):
        return
    if not reader.tsql and word not in _READERS and (word.isidentifier() or word in ("", ":")):
        if control.assignment(reader, out):
            return
        if reader.inside and reader.style in ("oracle", "") and word not in _PLAIN and control.bare_call(reader, out):
            return
    reader.leaf(leaf_end(reader, reader.at), out)


def _client_line(reader: Reader, word: str) -> bool:
    """A line for SQL*Plus, psql, sqlcmd, snowsql or BTEQ."""
    if not reader.first_on_line(reader.at):
        return False
    if reader.dialect == "oracle":
        return word in _SQLPLUS and not (word == "SET" and reader.word(1) in _SERVER_SETS)
    return (
        word == "\\"
        or (word == ":" and reader.tsql)
        or (word == "!" and reader.dialect == "snowflake")
        or (word == "." and reader.dialect in ("teradata", "sqlite"))
    )


# Each reads the statement that begins with its word; False leaves it to be a Leaf.


def _begin(reader: Reader, out: list[Node]) -> bool:
    after = reader.word(1)
    if reader.word() == "BEGIN TRANSACTION" or after in _TRANSACTIONS and not reader.ended(reader.at + 1):
        if after != "NAME" or reader.dialect == "snowflake":
            control.transaction(reader, out)
            return True
    if reader.ended(reader.at + 1) and not reader.tsql:
        control.transaction(reader, out)
        return True
    if reader.tsql and after in ("DIALOG", "CONVERSATION"):
        return False
    blocks.anonymous(reader, out)
    return True


def _declare(reader: Reader, out: list[Node]) -> bool:
    after = reader.word(1)
    if not reader.tsql:
        if after in ("GLOBAL", "LOCAL") and reader.word(2) == "TEMPORARY":
            return False
        if blocks.handler(reader, out):
            return True
        if reader.style in SECTIONS or (reader.style in POSTGRES and not _sql_cursor(reader)):
            blocks.declared_block(reader, out)
            return True
    declare(reader, out)
    return True


def _sql_cursor(reader: Reader) -> bool:
    """DECLARE c CURSOR FOR of Postgres's SQL, not of PL/pgSQL."""
    at = reader.name(reader.at + 1)[1]
    return any(reader.word_at(step) == "CURSOR" for step in range(at, at + 5))


def _insert(reader: Reader, out: list[Node]) -> bool:
    if not reader.tsql:
        return False
    start = reader.at
    end = statement_end(reader, start)
    at = reader.find(start + 1, "EXEC", "EXECUTE", limit=end)
    if at >= end:
        reader.leaf(end, out)
        return True
    insert = reader.take(at)
    control.execute(reader, out, insert, start)
    return True


def _execute(reader: Reader, out: list[Node]) -> bool:
    if reader.word(1) == "IMMEDIATE" and routines.immediate_block(reader, out):
        return True
    control.execute(reader, out)
    return True


def _prepare(reader: Reader, out: list[Node]) -> bool:
    if not routines.prepared(reader, out):
        control.prepare(reader, out)
    return True


def _end(reader: Reader, out: list[Node]) -> bool:
    if not reader.inside and reader.dialect in (*POSTGRES, "sqlite", "teradata"):
        if reader.ended(reader.at + 1) or reader.word(1) in ("TRANSACTION", "WORK"):
            control.transaction(reader, out)
            return True
    end = reader.at + 1 + (reader.word(1) in ("TRY", "CATCH", "IF", "LOOP", "CASE", "WHILE", "FOR", "REPEAT"))
    reader.unsplit(end, "END without a beginning", out)
    return True


def _else(reader: Reader, out: list[Node]) -> bool:
    reader.unsplit(reader.at + 1, "ELSE without IF", out)
    return True


def _let(reader: Reader, out: list[Node]) -> bool:
    if reader.ended(reader.at + 1):
        return False
    if control.let(reader, out):
        return True
    start = reader.at
    reader.at += 1
    found: list[Node] = []
    declaration(reader, found)
    made = found[0] if found else None
    if isinstance(made, Declare):
        out.append(Declare(made.variables, reader.cut(start, reader.at)))
        return True
    reader.at = start
    return False


def _pipe(reader: Reader, out: list[Node]) -> bool:
    if reader.word(1) != "ROW":
        return False
    control.pipe(reader, out)
    return True


def _perform(reader: Reader, out: list[Node]) -> bool:
    if reader.dialect not in POSTGRES and reader.dialect != "":
        return False
    control.perform(reader, out)
    return True


def _transaction(reader: Reader, out: list[Node]) -> bool:
    word, after = reader.word(), reader.word(1)
    if word == "START" and after != "TRANSACTION" or word == "SAVE" and after not in ("TRAN", "TRANSACTION"):
        return False
    if word == "ABORT" and reader.dialect not in POSTGRES:
        return False
    control.transaction(reader, out)
    return True


def _bteq(reader: Reader, out: list[Node]) -> bool:
    """Teradata's BT and ET."""
    if reader.dialect != "teradata" or not reader.ended(reader.at + 1):
        return False
    control.transaction(reader, out)
    return True


def _replace(reader: Reader, out: list[Node]) -> bool:
    """Teradata's REPLACE PROCEDURE."""
    return reader.word(1) in ("PROCEDURE", "FUNCTION", "TRIGGER") and routines.create(reader, out)


def _when(test: Callable[[Reader], bool], read: Callable[[Reader, list[Node]], None]) -> _Read:
    def guarded(reader: Reader, out: list[Node]) -> bool:
        if not test(reader):
            return False
        read(reader, out)
        return True

    return guarded


def _not_tsql(reader: Reader) -> bool:
    return not reader.tsql


def _scripting(reader: Reader) -> bool:
    return not reader.tsql and (reader.inside or reader.dialect in ("bigquery", "", "snowflake"))


def _anywhere(reader: Reader) -> bool:
    return True


def _has_more(reader: Reader) -> bool:
    return not reader.ended(reader.at + 1)


_Read = Callable[[Reader, list[Node]], bool]
_READERS: dict[str, _Read] = {
    "ABORT": _transaction,
    "ALTER": routines.create,
    "BEGIN": _begin,
    "BEGIN TRANSACTION": _begin,
    "BT": _bteq,
    "CALL": _when(_has_more, control.call),
    "CASE": _when(_scripting, blocks.case),
    "COMMIT": _transaction,
    "CREATE": routines.create,
    "DECLARE": _declare,
    "DO": routines.do,
    "ELSE": _else,
    "END": _end,
    "ET": _bteq,
    "EXEC": _execute,
    "EXECUTE": _execute,
    "FETCH": _when(_has_more, control.fetch),
    "FOR": _when(_not_tsql, blocks.for_),
    "FORALL": _when(_not_tsql, blocks.forall),
    "FOREACH": _when(_not_tsql, blocks.for_),
    "IF": _when(_anywhere, blocks.if_),
    "INSERT": _insert,
    "LET": _let,
    "LOOP": _when(_not_tsql, blocks.loop),
    "OPEN": _when(_has_more, control.open_),
    "PERFORM": _perform,
    "PIPE": _pipe,
    "PREPARE": _prepare,
    "REPLACE": _replace,
    "REPEAT": _when(_not_tsql, blocks.loop),
    "RETURN": _when(_anywhere, control.return_),
    "ROLLBACK": _transaction,
    "SAVE": _transaction,
    "SAVEPOINT": _transaction,
    "SET": _when(_anywhere, control.set_),
    "START": _transaction,
    "WHILE": _when(_anywhere, blocks.while_),
}
# Statements of one word that are no calls.
_PLAIN = frozenset({"NULL", "EXIT", "CONTINUE", "RAISE", "CLOSE", "GOTO", "PRAGMA", "VALUES", "SELECT", "TABLE"})
