"""Statements without statements in them: assignments, cursors, dynamic SQL, calls, results, transactions."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.script.boundaries import expression_end, leaf_end, leaf_end_from, statement_end
from ingest.sql.script.nodes import Assign, Call, Execute, Fetch, Leaf, Node, Open, Return, Tokens, Transaction
from ingest.sql.script.reader import POSTGRES, TSQL, Reader
from ingest.sql.script.tokens import QUOTED

_INTO_USING = ("INTO", "USING", "BULK", "BULK COLLECT INTO", "RETURNING", "RETURN")
_SCOPES = frozenset(
    "GLOBAL SESSION PERSIST PERSIST_ONLY NAMES CHARACTER CHARSET ROLE DEFAULT PASSWORD TRANSACTION CONSTRAINTS"
    " CONSTRAINT RESOURCE STATEMENT @@".split()
)
_OPERATORS = frozenset({"+", "-", "*", "/", "%", "|", "&", "^"})
_FETCHES = frozenset(
    {"NEXT", "PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "FORWARD", "BACKWARD", "ALL", "FROM", "IN"}
)


def dynamic(reader: Reader, start: int, end: int) -> tuple[Tokens, tuple[str, ...], tuple[Tokens, ...]]:
    """What follows EXECUTE [IMMEDIATE]: the text's expression, the INTO targets, the USING arguments."""
    at = reader.find(start, *_INTO_USING, limit=end)
    text = reader.cut(*reader.bare(start, at))
    into: tuple[str, ...] = ()
    using: tuple[Tokens, ...] = ()
    while at < end:
        word = reader.words[at]
        at += 1
        while at < end and reader.words[at] in ("COLLECT", "INTO", "STRICT"):
            at += 1
        stop = reader.find(at, *_INTO_USING, limit=end)
        if word == "USING":
            using = reader.split(*reader.bare(at, stop))
        else:
            into = into + reader.targets(at, stop)
        at = max(stop, at)
    return text, into, using


def immediate(reader: Reader, start: int, end: int) -> Tokens:
    """The text's expression of `(EXECUTE IMMEDIATE e ...)`, or ()."""
    start, end = reader.bare(start, end)
    if start + 1 < end and reader.words[start] in ("EXECUTE", "EXEC") and reader.words[start + 1] == "IMMEDIATE":
        return dynamic(reader, start + 2, end)[0]
    return ()


def assign(reader: Reader, start: int, targets: tuple[str, ...], value: int, end: int, operator: str = "") -> Assign:
    """The assignment of the tokens from `value` to `end`; it begins at `start`."""
    return Assign(targets, reader.cut(value, end), immediate(reader, value, end), operator, reader.cut(start, end))


def assignment(reader: Reader, out: list[Node]) -> bool:
    """`x := e`, `a.b := e`, `a(i) := e`, and PL/pgSQL's `x = e`; False (and nothing read) when it is none."""
    start = reader.at
    name, at = reader.name(start)
    if not name:
        return False
    dotted = list(name)
    while reader.word_at(at) in ("(", "[", "."):
        if reader.word_at(at) == "(":
            if reader.close[at] < 0:
                return False
            at = reader.close[at] + 1
        elif reader.word_at(at) == "[":
            at = reader.find(at, "]") + 1
        else:
            more, at = reader.name(at + 1)
            if not more:
                return False
            dotted += more
    word = reader.word_at(at)
    if word == ":" and reader.word_at(at + 1) == "=":
        at += 1
    elif word != ":=" and not (word == "=" and reader.style == "plpgsql"):
        return False
    end = leaf_end_from(reader, at + 1)
    out.append(assign(reader, start, (".".join(dotted),), at + 1, end))
    reader.at = end
    return True


def let(reader: Reader, out: list[Node]) -> bool:
    """Snowflake's LET x := e without a type."""
    name, at = reader.name(reader.at + 1)
    if not name or reader.word_at(at) not in (":=", "="):
        return False
    end = leaf_end_from(reader, at + 1)
    out.append(assign(reader, reader.at, (".".join(name),), at + 1, end))
    reader.at = end
    return True


def set_(reader: Reader, out: list[Node]) -> None:
    """SET of variables makes Assigns; of options and of anything else it stays a Leaf."""
    start = reader.at
    tsql = reader.tsql
    at = start + 1
    if reader.word_at(at) in ("VAR", "VARIABLE", "LOCAL") and reader.word_at(at + 1) not in ("=", ":="):
        at += 1
        if reader.word_at(at - 1) == "LOCAL":
            reader.leaf(leaf_end(reader, start), out)
            return
        variable = True
    else:
        variable = reader.inside or reader.dialect in ("bigquery", "snowflake") or reader.word_at(at) == "@"
    first = reader.word_at(at)
    if tsql:
        variable = first == "@"
    if (
        not variable
        or first in _SCOPES
        or (first == "@" == reader.word_at(at + 1))
        or reader.style == "plpgsql"
        or (reader.dialect == "oracle")
    ):
        reader.leaf(leaf_end(reader, start), out)
        return
    end = expression_end(reader, at)
    found: list[Node] = []
    begin = start
    while at < end:
        stop = at
        while stop < end and reader.words[stop] not in ("=", ":=", "TO"):
            stop = reader.skip(stop)
        if stop >= end:
            break
        operator = reader.words[stop - 1] if reader.words[stop - 1] in _OPERATORS else ""
        targets = reader.targets(at, stop - bool(operator))
        value = stop + 1
        stop = value
        while stop < end and (reader.words[stop] != "," or tsql):
            stop = reader.skip(stop)
        stop = min(stop, end)
        if not targets:
            found.clear()
            break
        found.append(assign(reader, begin, targets, value, stop, operator))
        begin, at = stop, stop + 1
    if found and at >= end and reader.words[end - 1] != ",":
        out += found
        reader.at = end
    else:
        reader.leaf(end, out)


def open_(reader: Reader, out: list[Node]) -> None:
    start = reader.at
    at = start + 1
    if reader.word_at(at) == "GLOBAL":
        at += 1
    name, at = reader.name(at)
    if not name or reader.word_at(start + 1) in ("SYMMETRIC", "MASTER"):
        reader.leaf(leaf_end(reader, start), out)
        return
    end = statement_end(reader, start) if reader.tsql else leaf_end(reader, start)
    using, at = reader.arguments(at)
    query: Tokens = ()
    text: Tokens = ()
    for_ = reader.find(at, "FOR", limit=end)
    if for_ < end:
        at = for_ + 1
        if reader.word_at(at) == "EXECUTE":
            text, _, using = dynamic(reader, at + 1, end)
        elif reader.is_query(at, end):
            stop = reader.find(at, "USING", limit=end) if reader.dialect != "oracle" else end
            query = reader.cut(*reader.bare(at, stop))
        else:
            text, _, using = dynamic(reader, at, end)
    elif reader.word_at(at) == "USING" and at < end:
        using = reader.split(*reader.bare(at + 1, end))
    out.append(Open(".".join(name), query, text, using, reader.take(end)))


def fetch(reader: Reader, out: list[Node]) -> None:
    start = reader.at
    end = leaf_end(reader, start)
    at = start + 1
    while at < end and (reader.words[at] in _FETCHES or reader.tokens[at].token_type is TokenType.NUMBER):
        if reader.words[at] in ("FROM", "IN"):
            at += 1
            break
        if reader.words[at] in ("ABSOLUTE", "RELATIVE") and reader.word_at(at + 1) in ("@", "-"):
            at += 2
        at += 1
    if reader.word_at(at) == "GLOBAL":
        at += 1
    name, at = reader.name(at)
    into: tuple[str, ...] = ()
    found = reader.find(at, "INTO", "BULK COLLECT INTO", limit=end)
    if found < end:
        into = reader.targets(found + 1, reader.find(found + 1, "LIMIT", limit=end))
    if name:
        out.append(Fetch(".".join(name), into, reader.take(end)))
    else:
        reader.leaf(end, out)


def execute(reader: Reader, out: list[Node], insert: Tokens = (), start: int = -1) -> None:
    """EXEC and EXECUTE of every dialect; `insert` is what stands before it, from `start` on."""
    begin = reader.at if start < 0 else start
    after = reader.word(1)
    if reader.style in TSQL or (reader.word() == "EXEC" and reader.dialect == ""):
        _execute_tsql(reader, out, insert, begin)
        return
    end = leaf_end(reader, reader.at)
    if after == "IMMEDIATE":
        if reader.word(2) == "FROM":
            reader.leaf(end, out)
            return
        text, into, using = dynamic(reader, reader.at + 2, end)
        out.append(Execute(text, into, using, insert, reader.take(end)))
    elif reader.style == "plpgsql":
        text, into, using = dynamic(reader, reader.at + 1, end)
        out.append(Execute(text, into, using, insert, reader.take(end)))
    elif after in ("FUNCTION", "PROCEDURE", "TASK", "AS", "IMMEDIATE", "JOB"):
        reader.leaf(end, out)
    elif reader.dialect in POSTGRES:
        _call(reader, out, 1, end)
    elif reader.dialect == "oracle":
        # SQL*Plus: EXEC p(x), to the line's end
        _call(reader, out, 1, min(end, reader.line_end(reader.at)))
    else:
        text, into, using = dynamic(reader, reader.at + 1, end)
        out.append(Execute(text, into, using, insert, reader.take(end)))


def _execute_tsql(reader: Reader, out: list[Node], insert: Tokens, begin: int) -> None:
    at = reader.at + 1
    if reader.word_at(at) == "AS" or reader.ended(at):
        end = statement_end(reader, reader.at)
        reader.at = begin
        reader.leaf(end, out)
        return
    end = statement_end(reader, reader.at, "IF" if reader.word_at(at) == "(" else "EXEC")
    if end <= at:
        end = statement_end(reader, reader.at)
    if reader.word_at(at) == "(" and reader.close[at] >= 0:
        texts = reader.split(at + 1, reader.close[at])
        reader.at = end
        out.append(Execute(texts[0] if texts else (), (), texts[1:], insert, reader.cut(begin, end)))
        return
    name, at = reader.name(at)
    if reader.word_at(at) == "=" and len(name) == 1 and name[0].startswith("@"):
        name, at = reader.name(at + 1)
    if not name:
        reader.at = begin
        reader.leaf(end, out)
        return
    if reader.word_at(at) == ";" and reader.tokens[min(at + 1, reader.size - 1)].token_type is TokenType.NUMBER:
        at += 2  # p;1, a procedure's number
        end = max(end, at)
    stop = reader.find(at, "WITH", limit=end)
    arguments = reader.split(at, stop) if at < stop else ()
    reader.at = end
    tokens = reader.cut(begin, end)
    if name[-1] in ("sp_executesql", "sp_prepexec") and arguments:
        out.append(Execute(_value(arguments[0]), (), arguments[1:], insert, tokens))
    else:
        out.append(Call(name, arguments, insert, (), tokens))


def _value(argument: Tokens) -> Tokens:
    """`@stmt = e` is e."""
    if len(argument) > 3 and argument[0].text == "@" and argument[2].text == "=":
        return argument[3:]
    return argument


def prepare(reader: Reader, out: list[Node]) -> None:
    """PREPARE s FROM e gives the prepared statement s its text."""
    start = reader.at
    end = leaf_end(reader, start)
    name, at = reader.name(start + 1)
    if name and reader.word_at(at) == "FROM" and at + 1 < end:
        tokens = reader.take(end)
        out.append(Assign((".".join(name),), reader.cut(at + 1, end), (), "", tokens))
    else:
        reader.leaf(end, out)


def call(reader: Reader, out: list[Node]) -> None:
    _call(reader, out, 1, leaf_end(reader, reader.at))


def _call(reader: Reader, out: list[Node], skip: int, end: int) -> None:
    name, at = reader.name(reader.at + skip)
    if not name or at > end:
        reader.leaf(end, out)
        return
    arguments, at = reader.arguments(at)
    if at < end and reader.words[at] == "." and reader.word_at(at + 1) == "":
        more, at = reader.name(at + 1)
        name += more
    into: tuple[str, ...] = ()
    if at < end and reader.words[at] == "INTO":
        into = reader.targets(at + 1, end)
    tokens = reader.take(end)
    last = name[-1]
    if last == "sysexecsql" and arguments:
        out.append(Execute(arguments[0], (), (), (), tokens))
    elif last == "parse" and len(name) > 1 and name[-2] == "dbms_sql" and len(arguments) > 1:
        out.append(Execute(arguments[1], (), (), (), tokens))
    else:
        out.append(Call(name, arguments, (), into, tokens))


def bare_call(reader: Reader, out: list[Node]) -> bool:
    """PL/SQL's `p;`, `pkg.p(x);`; False (and nothing read) when it is none."""
    name, at = reader.name(reader.at)
    if not name:
        return False
    _, at = reader.arguments(at)
    if at < reader.size and reader.words[at] != ";":
        return False
    _call(reader, out, 0, at)
    return True


def perform(reader: Reader, out: list[Node]) -> None:
    """PERFORM f(x) is a Call; PERFORM of a query is its SELECT."""
    start = reader.at
    end = leaf_end(reader, start)
    name, at = reader.name(start + 1)
    if name and reader.word_at(at) == "(" and reader.close[at] == end - 1:
        _call(reader, out, 1, end)
        return
    word = reader.tokens[start]
    select = Token(TokenType.SELECT, "SELECT", word.line, word.col, word.start, word.end, word.comments)
    reader.at = end
    out.append(Leaf((select, *reader.cut(start + 1, end))))


def return_(reader: Reader, out: list[Node]) -> None:
    start = reader.at
    at = start + 1
    after = reader.word_at(at)
    if reader.tsql:
        inline = reader.function and after in ("SELECT", "WITH")
        end = statement_end(reader, at) if inline else statement_end(reader, at, "IF")
    else:
        end = leaf_end_from(reader, at)
    if (
        after == "QUERY"
        and reader.word_at(at + 1) in ("EXECUTE", "SELECT", "WITH", "(", "VALUES", "TABLE")
        or (after == "QUERY" and reader.style == "plpgsql")
    ):
        at += 1
        if reader.word_at(at) == "EXECUTE":
            text, _, using = dynamic(reader, at + 1, end)
            out.append(Return((), True, text, using, reader.take(end)))
        else:
            out.append(Return(reader.cut(at, end), True, (), (), reader.take(end)))
        return
    if after == "NEXT" and reader.style == "plpgsql":
        at += 1
        if reader.word_at(at) == "QUERY":
            at += 1
    elif after == "TABLE" and reader.word_at(at + 1) == "(" and reader.close[at + 1] == end - 1:
        at += 1
    begin, stop = reader.bare(at, end)
    text = immediate(reader, begin, stop)
    if reader.is_query(begin, stop):
        out.append(Return(reader.cut(begin, stop), True, (), (), reader.take(end)))
    else:
        table = after == "TABLE"
        value = reader.cut(begin, stop) if table else reader.cut(at, end)
        out.append(Return(value, False, text, (), reader.take(end)))


def pipe(reader: Reader, out: list[Node]) -> None:
    """PIPE ROW (e)."""
    end = leaf_end_from(reader, reader.at)
    begin, stop = reader.bare(reader.at + 2, end)
    out.append(Return(reader.cut(begin, stop), False, (), (), reader.take(end)))


def transaction(reader: Reader, out: list[Node]) -> None:
    """COMMIT, ROLLBACK, SAVEPOINT, SAVE TRAN, BEGIN TRAN, START TRANSACTION, and Postgres's END."""
    start = reader.at
    word = reader.words[start]
    action = {
        "SAVE": "SAVEPOINT",
        "START": "BEGIN",
        "END": "COMMIT",
        "ABORT": "ROLLBACK",
        "BT": "BEGIN",
        "ET": "COMMIT",
    }.get(word, word.split()[0])
    at = start + 1
    if reader.tsql:
        if reader.word_at(at) == "DISTRIBUTED":
            at += 1
        named = reader.word_at(at) in ("TRAN", "TRANSACTION", "WORK")
        at += named
        name: tuple[str, ...] = ()
        if named and not reader.ended(at) and statement_end(reader, at, "IF") > at:
            name, after = reader.name(at)
            at = max(after, at)
        end = at
        if reader.word_at(end) == "WITH":
            end = statement_end(reader, end)
    else:
        end = leaf_end(reader, start)
        if action == "SAVEPOINT":
            name = reader.name(at)[0]
        else:
            to = reader.find(at, "TO", limit=end)
            to += 1 + (reader.word_at(to + 1) == "SAVEPOINT")
            name = reader.name(to)[0] if to <= end else ()
    out.append(Transaction(action, ".".join(name), reader.take(max(end, start + 1))))


def is_literal(token: Token) -> bool:
    return token.token_type in QUOTED
