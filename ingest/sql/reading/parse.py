"""One statement's tokens -> sqlglot's AST, whatever the text is: bounded, with the clauses that sqlglot doesn't know
cut out and kept, and with what it can't read reported."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError
from sqlglot.parser import Parser as BaseParser
from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.result import Place, Unread
from ingest.sql.script.nodes import Tokens
from ingest.sql.script.tokens import for_parser, index, place

MAX_DEPTH = 100  # of parentheses, CASEs and prefixes; beyond it a compiled parser may run out of stack
MAX_TOKENS = 400_000  # of one statement
MAX_TYPED = 12  # ARRAY[ARRAY[..., STRUCT(STRUCT(...: sqlglot reads each twice, as a type and as a value
MAX_SUFFIXES = 500  # a.b.c..., a[1][2]..., without anything between that begins anew
_BREAKS = frozenset({",", "=", "AS", "ON", "AND", "OR", "FROM", "JOIN", "+", "-", "THEN", "SELECT", "SET"})
_TYPES = frozenset(BaseParser.TYPE_TOKENS)
_OPENING = {"(", "[", "{", "CASE"}
_CLOSING = {")", "]", "}", "END"}
_PREFIXES = {"NOT", "-", "+", "~", "!", "PRIOR", "EXISTS"}
_AFTER_INTO = frozenset(
    "FROM WHERE GROUP ORDER HAVING LIMIT FETCH FOR UNION MINUS EXCEPT INTERSECT USING SET WINDOW QUALIFY".split()
)
_AFTER_OUTPUT = frozenset("INTO VALUES SELECT DEFAULT FROM WHERE EXEC EXECUTE WITH OPTION OUTPUT".split())
_ALWAYS_VARIABLES = frozenset(
    {"oracle", "mysql", "singlestore", "doris", "starrocks", "snowflake", "bigquery", "databricks", "spark"}
)

logging.getLogger("sqlglot").addFilter(lambda record: False)  # what it can't read is in the answer, not in a log


@dataclass(slots=True)
class Parsed:
    """A statement's AST and what was cut out of it."""

    node: exp.Expr | None
    into: tuple[str, ...] = ()  # variables that take the result
    outfile: str = ""  # MySQL: the file that takes it
    output: Output | None = None
    unread: list[Unread] = field(default_factory=list)
    whole: bool = True  # False: only a part was understood


@dataclass(slots=True)
class Output:
    """T-SQL's OUTPUT: its expressions, and where they go (`target` () is the caller)."""

    expressions: list[exp.Expr]
    target: Tokens = ()
    columns: tuple[str, ...] = ()


class Parser:
    """Parses the leaves of one script."""

    def __init__(self, sql: str, dialect: str) -> None:
        self.sql = sql
        self.dialect = dialect
        self._found = Dialect.get_or_raise(dialect)

    def statement(self, tokens: Tokens, is_variable: Callable[[str], bool], in_routine: bool) -> Parsed:
        """Never raises: what can't be read is in `unread`."""
        reason = too_much(tokens)
        if reason:
            return Parsed(None, unread=[self.unread(tokens, reason)], whole=False)
        parsed = Parsed(None)
        tokens = self._cut(tokens, parsed, is_variable, in_routine)
        self._parse(tokens, parsed)
        return parsed

    def parse(self, tokens: Sequence[Token]) -> exp.Expr | None:
        """A statement's AST as it is; None where it can't be read."""
        return self._try(list(tokens))

    def expression(self, tokens: Tokens) -> exp.Expr | None:
        """An expression or query on its own; None where it can't be read."""
        if not tokens or too_much(tokens):
            return None
        select = Token(TokenType.SELECT, "SELECT", tokens[0].line, tokens[0].col, tokens[0].start, tokens[0].start)
        head = tokens[0].text.upper()
        if head in ("SELECT", "WITH") and tokens[0].token_type is not TokenType.STRING:
            return self._try(list(tokens))
        node = self._try([select, *tokens])
        if isinstance(node, exp.Select) and len(node.expressions) == 1 and not node.args.get("from_"):
            found: exp.Expr = node.expressions[0]
            return found
        return node

    def expressions(self, tokens: Tokens) -> list[exp.Expr]:
        """A select list on its own."""
        if not tokens or too_much(tokens):
            return []
        first = tokens[0]
        select = Token(TokenType.SELECT, "SELECT", first.line, first.col, first.start, first.start)
        node = self._try([select, *tokens])
        return list(node.expressions) if isinstance(node, exp.Select) else []

    def table(self, tokens: Sequence[Token]) -> exp.Expr | None:
        """A table's name on its own."""
        if not tokens:
            return None
        first = tokens[0]
        head = [
            Token(TokenType.SELECT, "SELECT", first.line, first.col, first.start, first.start),
            Token(TokenType.STAR, "*", first.line, first.col, first.start, first.start),
            Token(TokenType.FROM, "FROM", first.line, first.col, first.start, first.start),
        ]
        node = self._try([*head, *tokens])
        source = node.args.get("from_") if node is not None else None
        found: exp.Expr | None = source.this if source is not None else None
        return found

    def unread(self, tokens: Sequence[Token], reason: str) -> Unread:
        line, column = place(tokens[0]) if tokens else (1, 1)
        return Unread(Place(line, column), reason, self.text(tokens)[:500])

    def text(self, tokens: Sequence[Token]) -> str:
        return self.sql[tokens[0].start : tokens[-1].end + 1] if tokens else ""

    # --- inside ------------------------------------------------------------------------------------------------------

    def _try(self, tokens: list[Token], level: ErrorLevel = ErrorLevel.IMMEDIATE) -> exp.Expr | None:
        if too_much(tokens):
            return None
        try:
            found = self._found.parser(error_level=level).parse(tokens, self.sql)
        except (ParseError, RecursionError):
            return None
        except Exception:  # the parser's own bug is no reason to lose the script
            return None
        return found[0] if len(found) == 1 else None

    def _parse(self, tokens: Tokens, parsed: Parsed) -> None:
        ready = for_parser(tokens, self.dialect)
        try:
            found = self._found.parser(error_level=ErrorLevel.IMMEDIATE).parse(list(ready), self.sql)
            if len(found) == 1 and found[0] is not None:
                parsed.node = found[0]
                return
            reason, at = "more than one statement, or none", place(tokens[0])
        except ParseError as error:
            first = error.errors[0] if error.errors else {}
            reason = (
                str(first.get("description") or error).partition("<")[0].strip(" .").removesuffix(" for")[:300]
                or "not understood"
            )
            line, column = place(tokens[0])
            if first.get("line") and first.get("col"):  # sqlglot tells where the word ends
                line, column = int(first["line"]), int(first["col"]) - len(first.get("highlight") or " ") + 1
            at = (line, max(1, column))
        except RecursionError:
            reason, at = "nested too deeply", place(tokens[0])
        except Exception as error:
            reason, at = f"the parser gave up ({type(error).__name__})", place(tokens[0])
        if self._bracketed(tokens, parsed):
            return
        parsed.whole = False
        parsed.unread.append(Unread(Place(*at), reason, self.text(tokens)[:500]))
        parsed.node = self._try(list(ready), ErrorLevel.IGNORE)

    def _bracketed(self, tokens: Tokens, parsed: Parsed) -> bool:
        """`[a]` is a name in T-SQL, and some tools write it to every engine."""
        if self.dialect in ("tsql", "fabric") or not any(token.text == "[" for token in tokens):
            return False
        other = Dialect.get_or_raise("tsql")
        try:
            found = other.parser(error_level=ErrorLevel.IMMEDIATE).parse(other.tokenize(self.text(tokens)), self.sql)
        except Exception:  # it was no T-SQL either
            return False
        parsed.node = found[0] if len(found) == 1 else None
        return parsed.node is not None

    def _cut(self, tokens: Tokens, parsed: Parsed, is_variable: Callable[[str], bool], in_routine: bool) -> Tokens:
        kinds = {token.token_type for token in tokens}
        if TokenType.COLON in kinds:
            tokens = _numbered(tokens)
        if TokenType.INTO in kinds or TokenType.BULK_COLLECT_INTO in kinds:
            head = tokens[0].text.upper()
            if head in ("SELECT", "SEL", "WITH", "(") or any(it.text.upper() == "RETURNING" for it in tokens):
                tokens = self._cut_into(tokens, parsed, is_variable, in_routine)
            if self.dialect in ("tsql", "fabric"):
                tokens = self._cut_output(tokens, parsed)
        elif self.dialect in ("tsql", "fabric") and any(it.text.upper() == "OUTPUT" for it in tokens):
            tokens = self._cut_output(tokens, parsed)
        return tokens

    def _cut_into(self, tokens: Tokens, parsed: Parsed, is_variable: Callable[[str], bool], in_routine: bool) -> Tokens:
        """`SELECT a INTO v FROM t`, `RETURNING a INTO v`: the variables leave the text."""
        words = index(list(tokens)).words
        depth = 0
        after_insert = False
        for at, word in enumerate(words):
            if word == "(":
                depth += 1
            elif word == ")":
                depth -= 1
            elif depth == 0 and word in ("INSERT", "MERGE", "COPY", "OVERWRITE", "REPLACE"):
                after_insert = True
            elif depth == 0 and word in ("INTO", "BULK COLLECT INTO"):
                if after_insert:
                    after_insert = False
                    continue
                if words[at + 1 : at + 2] in (["OUTFILE"], ["DUMPFILE"]) and at + 2 < len(tokens):
                    parsed.outfile = tokens[at + 2].text
                    end = next((i for i in range(at + 3, len(words)) if words[i] == "FROM"), len(words))
                    return (*tokens[:at], *tokens[end:])
                names, end = _names_after(tokens, words, at + 1)
                if not names:
                    return tokens
                start = at - 1 if at and words[at - 1] == "COLLECT" else at
                start = start - 1 if start != at and words[start - 1] == "BULK" else start
                procedural = in_routine and self.dialect not in ("tsql", "fabric")
                if self.dialect in _ALWAYS_VARIABLES or procedural or all(is_variable(name) for name in names):
                    parsed.into = names
                    return (*tokens[:start], *tokens[end:])
                return tokens
        return tokens

    def _cut_output(self, tokens: Tokens, parsed: Parsed) -> Tokens:
        words = index(list(tokens)).words
        if words[0] not in ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH"):
            return tokens
        depth = 0
        start = -1
        for at, word in enumerate(words):
            if word == "(":
                depth += 1
            elif word == ")":
                depth -= 1
            elif depth == 0 and word == "OUTPUT" and at:
                start = at
                break
        if start < 0:
            return tokens
        end = start + 1
        depth = 0
        while end < len(words):
            if words[end] == "(":
                depth += 1
            elif words[end] == ")":
                depth -= 1
            elif depth == 0 and words[end] in _AFTER_OUTPUT:
                break
            end += 1
        output = Output(self.expressions(tuple(tokens[start + 1 : end])))
        if end < len(words) and words[end] == "INTO":
            begin = end + 1
            end = begin
            while end < len(words) and words[end] != "(" and words[end] not in _AFTER_OUTPUT:
                end += 1
            output.target = tuple(tokens[begin:end])
            if end < len(words) and words[end] == "(":
                stop = end
                while stop < len(words) and words[stop] != ")":
                    stop += 1
                output.columns = tuple(
                    token.text.lower() for token in tokens[end + 1 : stop] if token.token_type is not TokenType.COMMA
                )
                end = stop + 1
        parsed.output = output
        return (*tokens[:start], *tokens[end:])


def _numbered(tokens: Tokens) -> Tokens:
    """`:1` as a placeholder by name, which is all that sqlglot reads in every dialect."""
    result = list(tokens)
    for at in range(1, len(result)):
        mark, token = result[at - 1], result[at]
        if token.token_type is TokenType.NUMBER and mark.token_type is TokenType.COLON and mark.end + 1 == token.start:
            before = result[at - 2] if at > 1 else None
            if before is None or before.end + 1 < mark.start or before.text in ("(", ",", "="):
                result[at] = Token(TokenType.VAR, token.text, token.line, token.col, token.start, token.end)
    return tuple(result)


def _names_after(tokens: Sequence[Token], words: Sequence[str], at: int) -> tuple[tuple[str, ...], int]:
    """`a, :b, @c, r.d, l(1)` -> names as the session knows them, and where the list ends."""
    names: list[str] = []
    if at < len(words) and words[at] == "STRICT":
        at += 1
    while at < len(tokens):
        name = ""
        while at < len(tokens):
            text = tokens[at].text
            kind = tokens[at].token_type
            if kind in (TokenType.STRING, TokenType.NUMBER) or words[at] in _AFTER_INTO:
                break
            if text in (":", "&"):
                at += 1
                continue
            if text in ("@", "."):
                name += text
                at += 1
                continue
            if text in (",", ";", ")", "("):
                break
            if name and name[-1] not in "@.":
                break
            name += text.lower()
            at += 1
        if not name:
            break
        if at < len(tokens) and tokens[at].text == "(":
            while at < len(tokens) and tokens[at].text != ")":
                at += 1
            at += 1
        names.append(name)
        if at < len(tokens) and tokens[at].text == ",":
            at += 1
            continue
        break
    return tuple(names), at


def too_much(tokens: Sequence[Token]) -> str:
    """Why a statement is not parsed at all; "" where it is."""
    if len(tokens) > MAX_TOKENS:
        return f"longer than {MAX_TOKENS} tokens"
    prefixes = suffixes = 0
    opened: list[bool] = []  # of each parenthesis: does a type's name stand before it?
    angles = typed = 0
    previous = None
    for token in tokens:
        kind, text = token.token_type, token.text
        before, previous = previous, kind
        if kind is TokenType.STRING or kind is TokenType.IDENTIFIER:
            prefixes = 0
            continue
        upper = text.upper() if len(text) < 7 else text
        if upper == "." or upper == "OVER" or (upper == "[" and before is TokenType.R_BRACKET):
            suffixes += 1
        elif upper in _BREAKS:
            suffixes = 0
        if upper == "<" and before in _TYPES:
            angles += 1
        elif upper in (">", ">>") and angles:
            angles = max(0, angles - len(upper))
        if upper in _OPENING:
            opened.append(before in _TYPES)
            typed += opened[-1]
            prefixes = 0
        elif upper in _CLOSING:
            typed -= opened.pop() if opened else 0
            prefixes = 0
        elif upper in _PREFIXES:
            prefixes += 1
        elif prefixes and kind not in _TYPES:
            prefixes = 0
        if max(len(opened), prefixes, angles) > MAX_DEPTH or typed > MAX_TYPED or suffixes > MAX_SUFFIXES:
            return "nested too deeply"
    return ""


@lru_cache(maxsize=1)
def is_compiled() -> bool:
    """Whether sqlglot runs compiled (the package sqlglotc)."""
    import sqlglot.parser

    return not str(sqlglot.parser.__file__).endswith(".py")
