"""Statements with statements in them: blocks, branches, loops, handlers."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.script.boundaries import leaf_end, statement_end
from ingest.sql.script.control import dynamic
from ingest.sql.script.declarations import section
from ingest.sql.script.nodes import Arm, Block, Branch, Loop, Node, Routine, Tokens
from ingest.sql.script.reader import SECTIONS, Reader
from ingest.sql.script.tokens import BATCH

_CLOSERS = frozenset({"IF", "LOOP", "CASE", "WHILE", "FOR", "REPEAT", "TRY", "CATCH"})
_ELSE = ("ELSE", "ELSEIF", "ELSIF", "END")


def body(reader: Reader, stops: tuple[str, ...]) -> tuple[Node, ...]:
    """The statements up to one of the words `stops` (not read), a batch's end, or the text's."""
    out: list[Node] = []
    outside, reader.inside = reader.inside, True
    while reader.at < reader.size:
        word = reader.word()
        if word in stops or word == BATCH:
            break
        if word == ";":
            reader.at += 1
            continue
        before = reader.at
        reader.statement(reader, out)
        if reader.at <= before:
            reader.unsplit(before + 1, "not understood as a statement", out)
    reader.inside = outside
    return tuple(out)


def batch_body(reader: Reader) -> tuple[Node, ...]:
    """The statements of a T-SQL module: to the batch's end, or the next module where no GO stands."""
    out: list[Node] = []
    while reader.at < reader.size and reader.word() != BATCH:
        word = reader.word()
        if word in ("CREATE", "ALTER") and out:
            at = reader.at + (3 if reader.word(1) == "OR" else 1)
            if reader.word_at(at) in ("PROC", "PROCEDURE", "FUNCTION", "TRIGGER", "VIEW"):
                break
        if word == ";":
            reader.at += 1
            continue
        before = reader.at
        reader.statement(reader, out)
        if reader.at <= before:
            reader.unsplit(before + 1, "not understood as a statement", out)
    return tuple(out)


def end_mark(reader: Reader) -> None:
    """Passes END [IF|LOOP|...] [label]."""
    if not reader.accept("END"):
        return
    if reader.word() in _CLOSERS:
        reader.drop(reader.at + 1)
    if not reader.tsql and not reader.ended(reader.at) and reader.ended(reader.at + 1) and reader.name(reader.at)[0]:
        reader.drop(reader.at + 1)


def block(reader: Reader, out: list[Node], declared: list[Node] | None = None) -> None:
    """BEGIN ... [EXCEPTION WHEN ...] END; T-SQL's TRY and CATCH."""
    start, mark = reader.at, reader.mark()
    reader.at += 1  # BEGIN
    atomic = False
    if reader.word() == "NOT" and reader.word(1) == "ATOMIC":
        reader.at += 2
    elif reader.word() == "ATOMIC":
        atomic = True
        reader.at += 1
    elif reader.word() == "TRY" and reader.tsql:
        reader.at += 1
    header = reader.cut(start, reader.at)
    kept, reader.handlers = reader.handlers, []
    nodes = [*(declared or ()), *body(reader, ("END", "EXCEPTION"))]
    if reader.accept("EXCEPTION"):
        reader.handlers += handlers(reader)
    end_mark(reader)
    if header[-1].text.upper() == "TRY":
        at = reader.at
        reader.accept(";")
        if reader.word() == "BEGIN" and reader.word(1) == "CATCH":
            reader.drop(reader.at + 2)
            reader.handlers.append(body(reader, ("END",)))
            end_mark(reader)
        else:
            reader.at = at
    out.append(Block(tuple(nodes), tuple(reader.handlers), atomic, reader.gather(header, mark)))
    reader.handlers = kept


def handlers(reader: Reader) -> list[tuple[Node, ...]]:
    """WHEN a OR b THEN ..., of an EXCEPTION section."""
    found: list[tuple[Node, ...]] = []
    while reader.word() == "WHEN":
        reader.drop(reader.find(reader.at, "THEN"))
        reader.accept("THEN")
        found.append(body(reader, ("WHEN", "END")))
    if not found:
        found.append(body(reader, ("END",)))
    return found


def handler(reader: Reader, out: list[Node]) -> bool:
    """DECLARE CONTINUE|EXIT|UNDO HANDLER FOR conditions statement, which joins its block's handlers."""
    at = reader.at + 2
    if reader.word(1) not in ("CONTINUE", "EXIT", "UNDO") or reader.word_at(at) != "HANDLER":
        return False
    at += 1 + (reader.word_at(at + 1) == "FOR")
    while not reader.ended(at):
        word = reader.words[at]
        if word == "SQLSTATE":
            at += 2 + (reader.word_at(at + 1) == "VALUE")
        elif word == "NOT":
            at += 2
        else:
            at += 1
        if reader.word_at(at) != ",":
            break
        at += 1
    reader.drop(min(at, reader.size))
    found: list[Node] = []
    inside, reader.inside = reader.inside, True
    if not reader.ended(reader.at):
        reader.statement(reader, found)
    reader.inside = inside
    reader.handlers.append(tuple(found))
    if not inside:
        out.append(Block((), (reader.handlers.pop(),)))
    return True


def declared_block(reader: Reader, out: list[Node]) -> None:
    """DECLARE section BEGIN ... END; at the top of a script a Routine without a name."""
    start = reader.at
    top = not reader.inside
    reader.drop(start + 1)
    found: list[Node] = []
    section(reader, found)
    if reader.word() == "BEGIN" and not reader.ended(reader.at):
        blocks: list[Node] = []
        block(reader, blocks, found)
        made = blocks[0]
        if top and isinstance(made, Block):
            place = reader.tokens[start]
            made = Routine("BLOCK", (), (), made, place, tokens=(place,))
        out.append(made)
    else:
        out += found


def anonymous(reader: Reader, out: list[Node]) -> None:
    """BEGIN ... END: at the top of an Oracle or Snowflake script a Routine without a name."""
    start = reader.tokens[reader.at]
    top = not reader.inside and reader.style in SECTIONS
    blocks: list[Node] = []
    block(reader, blocks)
    made = blocks[0]
    if top and isinstance(made, Block):
        made = Routine("BLOCK", (), (), made, start, tokens=(start,))
    out.append(made)


def single(reader: Reader) -> tuple[Node, ...]:
    """The one statement after a T-SQL IF, ELSE or WHILE."""
    found: list[Node] = []
    inside, reader.inside = reader.inside, True
    if not reader.ended(reader.at) and reader.word() not in ("END", "ELSE"):
        reader.statement(reader, found)
    reader.inside = inside
    return tuple(found)


def if_(reader: Reader, out: list[Node]) -> None:
    if reader.tsql:
        _if_tsql(reader, out)
        return
    start = reader.at
    then = reader.find(start + 1, "THEN")
    if reader.word_at(then) != "THEN" or then >= reader.size:
        reader.leaf(leaf_end(reader, start), out)
        return
    arms: list[Arm] = []
    exhaustive = False
    header, mark = reader.cut(start, start + 1), reader.mark()
    while True:
        condition = reader.cut(reader.at + 1, then)
        reader.drop(reader.at + 1)
        reader.at = then
        reader.accept("THEN")
        arms.append(Arm(condition, body(reader, _ELSE)))
        if reader.word() not in ("ELSEIF", "ELSIF") or reader.ended(reader.at):
            break
        then = reader.find(reader.at + 1, "THEN")
        if reader.word_at(then) != "THEN":
            break
    if reader.accept("ELSE"):
        exhaustive = True
        arms.append(Arm((), body(reader, ("END",))))
    end_mark(reader)
    out.append(Branch(tuple(arms), exhaustive, reader.gather(header, mark)))


def _if_tsql(reader: Reader, out: list[Node]) -> None:
    header, mark = reader.cut(reader.at, reader.at + 1), reader.mark()
    arms: list[Arm] = []
    exhaustive = False
    while True:
        end = statement_end(reader, reader.at + 1, "IF")
        reader.drop(reader.at + 1)
        condition = reader.take(end)
        arms.append(Arm(condition, single(reader)))
        at = reader.at
        reader.accept(";")
        if reader.word() != "ELSE" or reader.ended(reader.at):
            reader.at = at
            break
        reader.drop(reader.at + 1)
        if reader.word() != "IF":
            exhaustive = True
            arms.append(Arm((), single(reader)))
            break
    out.append(Branch(tuple(arms), exhaustive, reader.gather(header, mark)))


def case(reader: Reader, out: list[Node]) -> None:
    """The CASE statement: of `CASE x WHEN 1 THEN` each arm's condition is made x = 1."""
    start = reader.at
    when = reader.find(start + 1, "WHEN")
    if reader.word_at(when) != "WHEN" or when >= reader.size:
        reader.leaf(leaf_end(reader, start), out)
        return
    subject, mark = reader.cut(start + 1, when), reader.mark()
    reader.at = when
    arms: list[Arm] = []
    exhaustive = False
    while reader.word() == "WHEN" and not reader.ended(reader.at):
        then = reader.find(reader.at + 1, "THEN")
        condition: Tokens = reader.cut(reader.at + 1, then)
        if subject and condition:
            at = condition[0]
            equal = Token(TokenType.EQ, "=", at.line, at.col, at.start, at.start)
            condition = (*subject, equal, *condition)
        reader.drop(reader.at + 1)
        reader.at = then
        reader.accept("THEN")
        arms.append(Arm(condition, body(reader, ("WHEN", "ELSE", "END"))))
    if reader.accept("ELSE"):
        exhaustive = True
        arms.append(Arm((), body(reader, ("END",))))
    end_mark(reader)
    out.append(Branch(tuple(arms), exhaustive, reader.gather(reader.cut(start, when), mark)))


def while_(reader: Reader, out: list[Node]) -> None:
    start, mark = reader.at, reader.mark()
    if reader.tsql:
        end = statement_end(reader, start + 1, "IF")
        condition = reader.cut(start + 1, end)
        reader.at = end
        out.append(Loop(single(reader), condition, tokens=reader.gather(reader.cut(start, start + 1), mark)))
        return
    do = reader.find(start + 1, "DO", "LOOP")
    if reader.ended(do):
        reader.leaf(leaf_end(reader, start), out)
        return
    reader.at = do + 1
    found = body(reader, ("END",))
    end_mark(reader)
    out.append(Loop(found, reader.cut(start + 1, do), tokens=reader.gather(reader.cut(start, do + 1), mark)))


def loop(reader: Reader, out: list[Node]) -> None:
    """LOOP ... END LOOP, and REPEAT ... UNTIL c END REPEAT."""
    start, mark = reader.at, reader.mark()
    reader.at += 1
    condition: Tokens = ()
    found = body(reader, ("END", "UNTIL"))
    if reader.word() == "UNTIL" and not reader.ended(reader.at):
        end = reader.find(reader.at + 1, "END")
        condition = reader.cut(reader.at + 1, end)
        reader.drop(reader.at + 1)
        reader.at = end
        if reader.word() == ";" and reader.word(1) == "END":
            reader.at += 1
    end_mark(reader)
    out.append(Loop(found, condition, tokens=reader.gather(reader.cut(start, start + 1), mark)))


def for_(reader: Reader, out: list[Node]) -> None:
    """FOR i IN 1..n, FOR r IN (SELECT ...), FOR r IN c, FOR r IN EXECUTE e, FOR r AS SELECT ..., FOREACH."""
    start, mark = reader.at, reader.mark()
    do = reader.find(start + 1, "LOOP", "DO")
    in_ = reader.find(start + 1, "IN", "AS", "LOOP", "DO")
    if reader.ended(do):
        reader.leaf(leaf_end(reader, start), out)
        return
    at = min(in_, do)
    variables = reader.targets(start + 1, at)
    at = min(at + 1, do)
    if reader.word_at(at) in ("REVERSE", "ARRAY"):
        at += 1
    if reader.word_at(in_) == "AS" or reader.words[start] == "FOREACH":
        cursor_for = reader.find(at, "CURSOR", limit=do)
        if cursor_for < do:
            at = min(reader.find(cursor_for, "FOR", limit=do) + 1, do)
    condition: Tokens = ()
    query: Tokens = ()
    text: Tokens = ()
    cursor = ""
    using: tuple[Tokens, ...] = ()
    begin, end = reader.bare(at, do)
    name, after = reader.name(begin)
    if reader.words[start] == "FOREACH":
        condition = reader.cut(at, do)
    elif reader.word_at(begin) == "EXECUTE":
        text, _, using = dynamic(reader, begin + 1 + (reader.word_at(begin + 1) == "IMMEDIATE"), end)
    elif reader.is_query(begin, end) or reader.word_at(begin) in ("INSERT", "UPDATE", "DELETE"):
        query = reader.cut(begin, end)
    elif name and (after == end or (reader.word_at(after) == "(" and reader.close[after] == end - 1)):
        cursor = ".".join(name)
        using, _ = reader.arguments(after)
    else:
        condition = reader.cut(at, do)
    header = reader.cut(start, do + 1)
    reader.at = do + 1
    found = body(reader, ("END",))
    end_mark(reader)
    first = variables[0] if variables else ""
    out.append(Loop(found, condition, first, variables, query, cursor, text, using, reader.gather(header, mark)))


def forall(reader: Reader, out: list[Node]) -> None:
    """FORALL i IN bounds [SAVE EXCEPTIONS] statement;"""
    start, mark = reader.at, reader.mark()
    at = reader.find(start + 1, "INSERT", "UPDATE", "DELETE", "MERGE", "EXECUTE", "SAVE")
    variables = reader.targets(start + 1, reader.find(start + 1, "IN"))
    header = reader.cut(start, at)
    condition = reader.cut(reader.find(start + 1, "IN") + 1, at)
    reader.at = at
    if reader.accept("SAVE"):
        reader.accept("EXCEPTIONS")
    found = single(reader)
    first = variables[0] if variables else ""
    out.append(Loop(found, condition, first, variables, tokens=reader.gather(header, mark)))


def labels(reader: Reader) -> None:
    """Passes `<<label>>` and `label:` before a block or loop."""
    while not reader.ended(reader.at):
        word = reader.word()
        if word == "<" and reader.word(1) == "<" and reader.word(3) == ">" and reader.word(4) == ">":
            reader.drop(reader.at + 5)
        elif word == "<<" and reader.word(2) == ">>":
            reader.drop(reader.at + 3)
        elif word == "<<" and reader.word(2) == ">" and reader.word(3) == ">":
            reader.drop(reader.at + 4)
        elif reader.word(1) == ":" and reader.word(2) in ("BEGIN", "LOOP", "WHILE", "REPEAT", "FOR"):
            reader.drop(reader.at + 2)
        elif reader.word(1) == ":" and reader.word(2) == "" and _after_label(reader):
            reader.drop(reader.at + 2)
        else:
            return


def _after_label(reader: Reader) -> bool:
    """`l:LOOP` without a space: the word looks like a host variable's, so it has no word of its own."""
    at = reader.at + 2
    return at < reader.size and reader.tokens[at].text.upper() in ("BEGIN", "LOOP", "WHILE", "REPEAT", "FOR")


def too_deep(reader: Reader, out: list[Node]) -> None:
    """What is nested deeper than any reader goes is left as it is, up to the END that closes it."""
    start = at = reader.at
    nested = 0
    previous = ";"
    while at < reader.size and reader.words[at] != BATCH:
        word = reader.words[at]
        if word == "END":
            if nested <= 0:
                break
            nested -= 1
            if reader.word_at(at + 1) in _CLOSERS:
                at += 1
        elif word in ("BEGIN", "CASE", "LOOP"):
            nested += 1
        elif word == "IF" and not reader.tsql and previous in (";", "BEGIN", "THEN", "ELSE", "LOOP", "DO"):
            nested += 1
        elif word == "DO" and previous != ";":
            nested += 1
        elif word == ";" and not nested:
            break
        previous = word
        at += 1
    reader.unsplit(max(at, start + 1), "nested too deeply", out)
