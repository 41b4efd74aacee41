"""A script's tokens in its dialect: with the marks of batches and client commands read, and what the tokenizer refuses
kept as text."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import Any, NamedTuple

from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.script.nodes import Tokens

# Words that no token can have.
BATCH = "\0batch"  # GO, a lone `/`, the text that DELIMITER named: ends all that is open
LOST = "\0lost"  # text that the tokenizer refused

QUOTED = frozenset(
    {
        TokenType.STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.NATIONAL_RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.BYTE_STRING,
    }
)
_NO_WORD = QUOTED | {TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.HEX_STRING, TokenType.BIT_STRING}
_SIGILS = frozenset({".", "@", "@@", "#", "##", "$"})
_DELIMITER_DIALECTS = frozenset({"", "mysql", "doris", "starrocks", "singlestore"})
_SLASH_DIALECTS = frozenset({"", "oracle"})
_GO_DIALECTS = frozenset({"", "tsql", "fabric"})
_COPY_DIALECTS = frozenset({"", "postgres", "redshift", "materialize", "risingwave"})
_DOLLARS = frozenset({"", "databricks", "spark"})
_CLIENT_LINES = {
    "oracle": frozenset({"PROMPT", "REM", "REMARK", "SET", "SPOOL", "DEFINE", "COLUMN", "ACCEPT", "HOST", "WHENEVER"}),
    "postgres": frozenset({"\\"}),
    "redshift": frozenset({"\\"}),
}
_REREAD = 20_000_000  # letters that may be read again, in all, after a client's line with a lone quote


class Stream(NamedTuple):
    """Tokens with, for each, its `word` (upper case; "" of a literal, a quoted name or one after `.`, `@`, `#`) and
    the index of its closing parenthesis (`close`, -1 of all others). `lost` says why a token is text not tokenised."""

    tokens: list[Token]
    words: list[str]
    close: list[int]
    lost: dict[int, str]


def stream(sql: str, dialect: str) -> Stream:
    """The tokens of a whole script."""
    tokens: list[Token] = []
    lost: dict[int, str] = {}
    start, line = 0, 1
    for end, data_end in _copies(sql) if dialect in _COPY_DIALECTS and "\\." in sql else []:
        _extend(tokens, lost, sql[start:end], dialect, start, line)
        line += sql.count("\n", start, end)
        lost[len(tokens)] = "rows of COPY FROM STDIN"
        tokens.append(_rest(sql, end, data_end, line))
        line += sql.count("\n", end, data_end)
        start = data_end
    _extend(tokens, lost, sql[start:] if start else sql, dialect, start, line)
    batches = _batches(tokens, sql, dialect, lost)
    return index(tokens, batches, lost)


def index(
    tokens: list[Token], batches: frozenset[int] | set[int] = frozenset(), lost: dict[int, str] | None = None
) -> Stream:
    """The words and parentheses of tokens; parentheses never reach over a semicolon."""
    lost = lost or {}
    words: list[str] = []
    close = [-1] * len(tokens)
    opened: list[int] = []
    previous = ""
    for at, token in enumerate(tokens):
        kind = token.token_type
        word = "" if kind in _NO_WORD else token.text.upper()
        if at in batches:
            word = BATCH
        elif at in lost:
            word = LOST
        elif word and previous in _SIGILS and word[0].isalpha():
            word = ""
        elif word and previous in (":", "&") and word[0].isalpha() and _host(tokens, at):
            word = ""
        if word == "(":
            opened.append(at)
        elif word == ")":
            if opened:
                close[opened.pop()] = at
        elif word == ";" or word == BATCH:
            opened.clear()
        words.append(word)
        previous = word
    return Stream(tokens, words, close, lost)


def unwrap(whole: str, token: Token, dialect: str) -> Stream:
    """The tokens of the text inside a literal, placed in the whole script (with doubled quotes: nearly so)."""
    text = token.text
    raw = whole[token.start : token.end + 1]
    skip = raw.find(text)
    tokens: list[Token] = []
    lost: dict[int, str] = {}
    first_line = token.line - raw.count("\n")
    if skip >= 0:
        line = first_line + raw.count("\n", 0, skip)
        begin = token.start + skip
        column = begin - (whole.rfind("\n", 0, begin) + 1)
        _extend(tokens, lost, text, dialect, begin, line, column)
    else:
        places = _unescaped(raw, text, token.start)
        _extend(tokens, lost, text, dialect, 0, first_line)
        breaks = [at for at, letter in enumerate(raw, token.start) if letter == "\n"]
        line_start = whole.rfind("\n", 0, token.start) + 1
        for inner in tokens:
            inner.start, inner.end = places[inner.start], places[inner.end]
            row = bisect_right(breaks, inner.end)
            inner.line = first_line + row
            inner.col = inner.end - (breaks[row - 1] if row else line_start - 1)
    return index(tokens, frozenset(), lost)


def tokenise(text: str, dialect: str) -> Tokens:
    """The tokens of a piece of text on its own."""
    return tuple(stream(text, dialect).tokens)


def for_parser(tokens: Tokens, dialect: str) -> list[Token]:
    """A Leaf's tokens as sqlglot's parser wants them: of a statement that sqlglot does not read further (its
    "commands") the rest is one string."""
    if len(tokens) > 1 and tokens[0].token_type in _dialect(dialect)[1]:
        rest = tokens[1:]
        text = " ".join(token.text for token in rest)
        last = rest[-1]
        return [tokens[0], Token(TokenType.STRING, text, last.line, last.col, rest[0].start, last.end)]
    return list(tokens)


def place(token: Token) -> tuple[int, int]:
    """Line and column, from 1, of a token's first letter (of its last line's, when it has several)."""
    return token.line, max(1, token.col - (token.end - token.start))


def _host(tokens: list[Token], at: int) -> bool:
    """Is the word at `at` a host variable (`:x`, `&x`): its mark touches it, and nothing touches the mark?"""
    mark = tokens[at - 1]
    return mark.end + 1 == tokens[at].start and (at < 2 or tokens[at - 2].end + 1 < mark.start or mark.text == "&")


@lru_cache(maxsize=64)
def _dialect(name: str) -> tuple[Dialect, frozenset[TokenType]]:
    """The dialect, and the kinds of tokens that begin sqlglot's commands."""
    found = Dialect.get_or_raise(name)
    return found, frozenset(found.tokenizer_class.COMMANDS)


@lru_cache(maxsize=64)
def _tokenizer_class(name: str) -> Any:
    """The dialect's tokenizer, which knows the $$ around a routine's body wherever the dialect has such bodies."""
    base: Any = _dialect(name)[0].tokenizer_class
    if name in _DOLLARS:
        return type("Tokenizer", (base,), {"RAW_STRINGS": [*base.RAW_STRINGS, "$$"]})
    return base


def _extend(
    tokens: list[Token], lost: dict[int, str], text: str, dialect: str, offset: int, line: int, column: int = 0
) -> None:
    """Adds the tokens of `text`, which begins at the given place of the script."""
    begin = 0
    budget = _REREAD
    while True:
        budget -= len(text) - begin
        part = text[begin:] if begin else text
        found, stop, reason = _scan(part, dialect)
        words = _CLIENT_LINES.get(dialect)
        cut = _client_line(found, part, stop, words) if words and budget > 0 else None
        if cut is not None:
            keep, stop, after = cut
            del found[keep:]
        for token in found:
            if token.line == 1:
                token.col += column
            token.line += line - 1
            token.start += offset
            token.end += offset
        tokens += found
        if stop < 0:
            return
        line += part.count("\n", 0, stop)
        if cut is None:
            lost[len(tokens)] = reason
            tokens.append(_rest(part, stop, len(part), line, offset))
            return
        if after > stop:
            rest = _rest(part, stop, after, line, offset)
            rest.token_type = TokenType.VAR
            tokens.append(rest)
        offset, begin, column = offset + after, begin + after, 0
        # The line's end itself is read again, so the tokenizer counts it.


def _scan(text: str, dialect: str) -> tuple[list[Token], int, str]:
    """The tokens, where the tokenizer gave up (-1: nowhere) and why."""
    core: Any = _tokenizer_class(dialect)(_dialect(dialect)[0])._core
    core.commands = set()  # else what follows EXECUTE, CALL, FETCH, ... comes as one string
    try:
        return core.tokenize(text), -1, ""
    except Exception:  # a TokenError, or whatever else the text does to the tokenizer
        return list(core.tokens), min(core._start, len(text)), "a quotation or comment without an end"


def _rest(text: str, start: int, end: int, line: int, offset: int = 0) -> Token:
    body = text[start:end]
    column = start - (text.rfind("\n", 0, start) + 1) + len(body)
    return Token(TokenType.STRING, body, line, column, start + offset, max(start, end - 1) + offset)


def _client_line(tokens: list[Token], text: str, stop: int, words: frozenset[str]) -> tuple[int, int, int] | None:
    """A client's line (PROMPT, REM, psql's backslash) whose quote swallowed the lines after it: how many tokens stay,
    where the swallowed part begins, where its line ends."""
    line, client = 0, True
    for at, token in enumerate(tokens):
        if at and token.line == line:
            continue
        line = token.line
        client = client or not at or tokens[at - 1].text in (";", "/")
        client = client and token.text.upper() in words
        if not client:
            continue
        end = text.find("\n", token.start)
        if end < 0:
            return None
        over = at + 1
        while over < len(tokens) and tokens[over].end < end:
            over += 1
        if over < len(tokens) and tokens[over].start < end:
            return over, tokens[over].start, end
        if over == len(tokens) and 0 <= stop < end:
            return over, stop, end
    return None


def _copies(sql: str) -> list[tuple[int, int]]:
    """Where psql's COPY data lies: from the line after COPY ... FROM STDIN; to its `\\.` line."""
    found: list[tuple[int, int]] = []
    begin = -1
    at = 0
    while at < len(sql):
        end = sql.find("\n", at)
        end = len(sql) if end < 0 else end + 1
        line = sql[at:end].strip()
        if begin >= 0:
            if line == "\\.":
                found.append((begin, end))
                begin = -1
        elif line[:5].upper() == "COPY " and line.rstrip(";").rstrip().upper().endswith("FROM STDIN"):
            begin = end
        at = end
    return found


def _batches(tokens: list[Token], sql: str, dialect: str, lost: dict[int, str]) -> set[int]:
    """The tokens that end a batch; a name grown together with a DELIMITER is cut in two."""
    batches: set[int] = set()
    if dialect in _DELIMITER_DIALECTS and any(token.text.upper() == "DELIMITER" for token in tokens):
        batches = _delimiters(tokens, sql, lost)
    for at, token in enumerate(tokens):
        text = token.text
        if text == "/" and dialect in _SLASH_DIALECTS or text in ("GO", "go", "Go") and dialect in _GO_DIALECTS:
            if at and tokens[at - 1].line == token.line and tokens[at - 1].text != ";":
                continue
            after = at + 1
            if text != "/" and after < len(tokens) and tokens[after].token_type is TokenType.NUMBER:
                if tokens[after].line == token.line:
                    after += 1
            if token.token_type is not TokenType.IDENTIFIER and (
                after >= len(tokens) or tokens[after].line - tokens[after].text.count("\n") > token.line
            ):
                batches.update(range(at, after))
    return batches


def _delimiters(tokens: list[Token], sql: str, lost: dict[int, str]) -> set[int]:
    delimiter = ";"
    batches: set[int] = set()
    out: list[Token] = []
    moved: dict[int, str] = {}
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if at in lost:
            moved[len(out)] = lost[at]
        elif token.text.upper() == "DELIMITER" and (not at or tokens[at - 1].line < token.line):
            end = sql.find("\n", token.end)
            end = len(sql) if end < 0 else end
            said = sql[token.end + 1 : end].split()
            delimiter = said[0] if said else ";"
            while at < len(tokens) and tokens[at].start < end:
                batches.add(len(out))
                out.append(tokens[at])
                at += 1
            continue
        elif delimiter != ";" and token.token_type not in QUOTED:
            if sql.startswith(delimiter, token.start):
                end = token.start + len(delimiter)
                while at < len(tokens) and tokens[at].start < end:
                    batches.add(len(out))
                    out.append(tokens[at])
                    at += 1
                continue
            if token.token_type is TokenType.VAR and token.text.endswith(delimiter):
                size = len(delimiter)
                text = token.text[:-size]
                kind = TokenType.END if text.upper() == "END" else TokenType.VAR
                out.append(Token(kind, text, token.line, token.col - size, token.start, token.end - size))
                batches.add(len(out))
                out.append(Token(TokenType.VAR, delimiter, token.line, token.col, token.end - size + 1, token.end))
                at += 1
                continue
        out.append(token)
        at += 1
    tokens[:] = out
    lost.clear()
    lost.update(moved)
    return batches


def _unescaped(raw: str, text: str, start: int) -> list[int]:
    """Where in the script each letter of a literal with escaped quotes stands."""
    at = raw.find("'") + 1
    last = len(raw) - 1
    places = []
    for letter in text:
        if at < last and raw[at] == "\\" and letter != "\\":
            at += 1
        places.append(start + min(at, last))
        at += 2 if letter == "'" and raw[at : at + 2] == "''" else 1
    return places or [start]
