"""What stands between a routine's name and its body: parameters, results, language, a trigger's table."""

from __future__ import annotations

from ingest.sql.script.control import is_literal
from ingest.sql.script.declarations import parameters_in
from ingest.sql.script.nodes import Variable
from ingest.sql.script.reader import POSTGRES, Reader, is_name

# Words that begin a body that is one statement, after a header without AS.
_BODIES = frozenset(
    "BEGIN RETURN SELECT INSERT UPDATE DELETE MERGE REPLACE WITH CALL IF WHILE LOOP REPEAT CASE DECLARE TRUNCATE"
    " EXECUTE DO VALUES SET".split()
)


def columns(reader: Reader, at: int) -> tuple[tuple[str, ...], int]:
    """The names in `(a int, b text)` at `at`."""
    parts, after = reader.arguments(at)
    skipped = ("PRIMARY KEY", "CONSTRAINT", "UNIQUE", "INDEX", "CHECK", "FOREIGN KEY")
    names = tuple(part[0].text.lower() for part in parts if part[0].text.upper() not in skipped and is_name(part[0]))
    return names, after


class Header:
    """What a header says besides the name."""

    __slots__ = ("parameters", "returns", "table", "language", "literal", "body", "as_")

    def __init__(self) -> None:
        self.parameters: tuple[Variable, ...] = ()
        self.returns: tuple[str, ...] = ()
        self.table: tuple[str, ...] = ()
        self.language = ""
        self.literal = -1  # the body's literal
        self.body = -1  # the body's first token
        self.as_ = False


def header(reader: Reader, kind: str, at: int) -> Header:
    """Reads a header from behind the name to where its body begins."""
    said = Header()
    if kind == "TRIGGER":
        at = _trigger_events(reader, at, said)
    elif reader.word_at(at) == "(" and reader.close[at] >= 0:
        said.parameters = parameters_in(reader, at + 1, reader.close[at])
        at = reader.close[at] + 1
    oracle = reader.style in ("oracle", "")
    returned = False
    while not reader.ended(at):
        word = reader.words[at]
        if word == "LANGUAGE":
            language = reader.tokens[at + 1] if not reader.ended(at + 1) else None
            said.language = language.text.lower() if language else ""
            at += 2
        elif word == "RETURNS" and reader.word_at(at + 1) != "NULL":
            returned = True
            at += 1
            if reader.word_at(at) == "TABLE" and reader.word_at(at + 1) in ("(", "<"):
                said.returns, after = columns(reader, at + 1)
                at = after if after > at + 1 else at + 1
            else:
                at += 1
        elif word == "RETURN" and oracle and kind != "TRIGGER" and not returned:
            returned = True
            at += 2
        elif word == "AS" and reader.word_at(at - 1) == "EXECUTE":
            at += 2
        elif word in ("AS", "IS"):
            if not reader.ended(at + 1) and is_literal(reader.tokens[at + 1]):
                said.literal = at + 1
                at += 2
                continue
            if reader.word_at(at + 1) == "LANGUAGE":
                at += 1
                continue
            said.body, said.as_ = at + 1, True
            return said
        elif word in _BODIES and _begins(reader, at, word, kind):
            said.body = at
            return said
        elif (
            is_literal(reader.tokens[at]) and said.language and said.literal < 0 and reader.word_at(at - 1) != "COMMENT"
        ):
            at += 1
        else:
            at = reader.skip(at)
    return said


def _begins(reader: Reader, at: int, word: str, kind: str) -> bool:
    before, after = reader.word_at(at - 1), reader.word_at(at + 1)
    if word == "SET":
        return reader.dialect not in POSTGRES and before != "RETURNS"
    if word == "EXECUTE":
        return (
            after in ("FUNCTION", "PROCEDURE", "IMMEDIATE") or kind != "TRIGGER" and before != "WITH" and after != "AS"
        )
    if word == "WITH":
        return reader.is_query(at, reader.size) and reader.word_at(at + 2) in ("AS", "(")
    if word == "DO":
        return kind == "EVENT"
    if word == "IF":
        return after not in ("NOT", "EXISTS")
    return before not in ("ON", "OR", "BEFORE", "AFTER", "OF", "CALLED")


def _trigger_events(reader: Reader, at: int, said: Header) -> int:
    """BEFORE|AFTER INSERT OR UPDATE OF a ON table [REFERENCING ...] [FOR EACH ROW] [WHEN (...)]"""
    on = reader.find(at, "ON")
    if reader.ended(on):
        return at
    said.table, at = reader.name(on + 1)
    while not reader.ended(at):
        word = reader.words[at]
        if word == "REFERENCING":
            at = min(reader.find(at, "FOR", "BEGIN", "DECLARE", "WHEN", "EXECUTE"), reader.size)
        elif word == "FOR" and reader.word_at(at + 1) == "EACH":
            at += 3
        elif word == "FOR" and reader.word_at(at + 1) in ("ROW", "STATEMENT"):
            at += 2
        elif word == "WHEN":
            at = reader.skip(at + 1) if not reader.ended(at + 1) else at + 1
        elif word in ("FOLLOWS", "PRECEDES"):
            at = max(reader.name(at + 1)[1], at + 1)
        elif word in ("ENABLE", "DISABLE", "NOT", "DEFERRABLE", "INITIALLY", "DEFERRED", "IMMEDIATE", "FROM", "MODE",
                      "DB2SQL", "FORWARD", "REVERSE", "CROSSEDITION"):  # fmt: skip
            at += 1
        else:
            break
    return at
