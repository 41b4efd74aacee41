"""A place in a script's tokens, and how names, lists and words are read there."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.script.nodes import Leaf, Node, Tokens, Unsplit
from ingest.sql.script.tokens import BATCH, LOST, Stream, place

DEEPEST = 80  # blocks in blocks; each is a few calls of Python's
_SIGILS = frozenset({"@", "@@", "#", "##", "$", ":", "&"})
_NO_NAME = frozenset({TokenType.STRING, TokenType.NUMBER, TokenType.NATIONAL_STRING})

TSQL = frozenset({"tsql", "fabric"})
# Dialects whose DECLARE opens a section of several declarations that BEGIN ends.
SECTIONS = frozenset({"oracle", "snowflake", "plpgsql", "netezza"})
POSTGRES = frozenset({"postgres", "redshift", "materialize", "risingwave", "duckdb"})


_ENDS = frozenset({";", BATCH, LOST})


class Reader:
    """Reads tokens from `at`. `style` is the grammar: a dialect's name, or "plpgsql" within such a body.

    `statement` reads one statement (it is the splitter's dispatch, given here so that the parts can call each other).
    `depth` counts the nesting; `inside` says whether a block or routine is around.
    """

    __slots__ = ("tokens", "words", "close", "lost", "at", "size", "whole", "dialect", "style", "statement", "depth",
                 "inside", "loose", "opened", "function", "package", "handlers")  # fmt: skip

    def __init__(
        self,
        stream: Stream,
        whole: str,
        dialect: str,
        style: str,
        statement: Callable[[Reader, list[Node]], None],
        depth: int = 0,
        inside: bool = False,
    ) -> None:
        self.tokens, self.words, self.close, self.lost = stream
        self.at = 0
        self.size = len(self.tokens)
        self.whole = whole
        self.dialect = dialect
        self.style = style
        self.statement = statement
        self.depth = depth
        self.inside = inside
        self.function = False
        self.package: tuple[str, ...] = ()
        self.handlers: list[tuple[Node, ...]] = []
        self.loose: list[Token] = []  # words of structure that no node has yet: THEN, END IF, labels
        self.opened = 0  # how many were there before the statement that is being read

    @property
    def tsql(self) -> bool:
        return self.style in TSQL

    def word(self, ahead: int = 0) -> str:
        """The word at or after the place; BATCH past the end."""
        at = self.at + ahead
        return self.words[at] if at < self.size else BATCH

    def word_at(self, at: int) -> str:
        return self.words[at] if 0 <= at < self.size else BATCH

    def ended(self, at: int) -> bool:
        """Does a statement end before the token `at`, whatever it is?"""
        return at >= self.size or self.words[at] in _ENDS

    def cut(self, start: int, end: int) -> Tokens:
        return tuple(self.tokens[start:end])

    def take(self, end: int) -> Tokens:
        """The tokens up to `end`, and goes there."""
        start, self.at = self.at, end
        return tuple(self.tokens[start:end])

    def accept(self, *words: str) -> bool:
        """Passes the word at the place when it is one of these."""
        if self.word() in words and self.at < self.size:
            self.drop(self.at + 1)
            return True
        return False

    def drop(self, end: int) -> None:
        """Passes words of structure, which the container around them keeps (see `gather`)."""
        self.loose += (self.tokens[at] for at in range(self.at, min(end, self.size)) if self.words[at] != ";")
        self.at = end

    def gather(self, header: Tokens, mark: int) -> Tokens:
        """A container's tokens: its header, and the words of structure passed since `mark`."""
        found = (*header, *self.loose[mark:])
        del self.loose[mark:]
        return found

    def mark(self) -> int:
        """Where the loose words of the statement that begins here (its labels too) begin."""
        return min(self.opened, len(self.loose))

    def skip(self, at: int) -> int:
        """The place after the token or the parentheses at `at`."""
        return self.close[at] + 1 if self.close[at] >= 0 else at + 1

    def find(self, at: int, *stops: str, limit: int = -1) -> int:
        """The first of these words from `at` on, outside parentheses and CASE, or where the statement ends; never
        after `limit`."""
        case = 0
        words, close = self.words, self.close
        limit = self.size if limit < 0 else limit
        while at < limit:
            word = words[at]
            if word in stops and not case:
                return at
            if word == "CASE":
                case += 1
            elif word == "END" and case:
                case -= 1
            elif word in _ENDS:
                return at
            at = close[at] + 1 if close[at] >= 0 else at + 1
        return min(at, limit)

    def end(self, at: int) -> int:
        """Where the statement ends by its semicolon."""
        while not self.ended(at):
            at = self.close[at] + 1 if self.close[at] >= 0 else at + 1
        return at

    def line_end(self, at: int) -> int:
        """Where the line of the token `at` ends."""
        line = self.tokens[at].line
        at += 1
        while at < self.size and self.tokens[at].line - self.tokens[at].text.count("\n") <= line:
            if self.words[at] in (BATCH, LOST):
                break
            at += 1
        return at

    def first_on_line(self, at: int) -> bool:
        return at == 0 or self.tokens[at - 1].line < self.tokens[at].line

    def split(self, start: int, end: int) -> tuple[Tokens, ...]:
        """The parts between commas, outside parentheses and brackets."""
        parts: list[Tokens] = []
        begin = at = start
        nested = 0
        while at < end:
            word = self.words[at]
            if word in ("[", "{"):
                nested += 1
            elif word in ("]", "}"):
                nested -= 1
            elif word == "," and nested <= 0:
                parts.append(self.cut(begin, at))
                begin = at + 1
            at = min(self.skip(at), end)
        if begin < end:
            parts.append(self.cut(begin, end))
        return tuple(part for part in parts if part)

    def arguments(self, at: int) -> tuple[tuple[Tokens, ...], int]:
        """What stands in the parentheses at `at`, if any, and the place after them."""
        if at < self.size and self.words[at] == "(" and self.close[at] >= 0:
            return self.split(at + 1, self.close[at]), self.close[at] + 1
        return (), at

    def name(self, at: int) -> tuple[tuple[str, ...], int]:
        """The dotted name at `at` and the place after it; () when there is none."""
        parts: list[str] = []
        while not self.ended(at):
            prefix = ""
            if not parts and self.words[at] in _SIGILS:
                while at < self.size and self.words[at] in _SIGILS:
                    prefix += self.words[at] if self.words[at] != ":" else ""
                    at += 1
            if self.ended(at) or not is_name(self.tokens[at], bool(prefix) or bool(parts)):
                break
            text = self.tokens[at].text.lower()
            at += 1
            if self.dialect == "bigquery":
                while self.word_at(at) == "-" and self._touches(at) and self._touches(at + 1):
                    text += "-" + self.tokens[at + 1].text.lower()  # my-project.dataset.table
                    at += 2
                parts += text.split(".") if not prefix else [prefix + text]
            else:
                parts.append(prefix + text)
            if self.word_at(at) != ".":
                break
            at += 1
            while self.word_at(at) == ".":  # db..table
                parts.append("")
                at += 1
        return tuple(parts), at

    def _touches(self, at: int) -> bool:
        return at < self.size and self.tokens[at - 1].end + 1 == self.tokens[at].start

    def targets(self, start: int, end: int) -> tuple[str, ...]:
        """The names of variables in a list, maybe in parentheses: `a, r.b` is ("a", "r.b")."""
        if start < end and self.words[start] == "(" and self.close[start] == end - 1:
            start, end = start + 1, end - 1
        names = []
        at = start
        while at < end:
            name, after = self.name(at)
            if name:
                names.append(".".join(name))
            at = max(after, at + 1)
            while at < end and self.words[at] != ",":
                at = self.skip(at)
            at += 1
        return tuple(names)

    def bare(self, start: int, end: int) -> tuple[int, int]:
        """Without the parentheses around all of it."""
        while start < end and self.words[start] == "(" and self.close[start] == end - 1:
            start, end = start + 1, end - 1
        return start, end

    def is_query(self, start: int, end: int) -> bool:
        start, end = self.bare(start, end)
        while start < end and self.words[start] == "(":
            start += 1
        return start < end and self.words[start] in ("SELECT", "WITH", "VALUES", "FROM", "SEL", "TABLE", "SHOW")

    def leaf(self, end: int, out: list[Node]) -> None:
        if end > self.at:
            out.append(Leaf(self.take(end)))

    def unsplit(self, end: int, reason: str, out: list[Node]) -> None:
        end = max(end, self.at + 1)
        tokens = self.take(min(end, self.size))
        if tokens:
            out.append(Unsplit(tokens, reason, place(tokens[0])))


def is_name(token: Token, any_word: bool = False) -> bool:
    """May the token be (part of) a name?"""
    if token.token_type in (TokenType.IDENTIFIER, TokenType.VAR):
        return True
    if token.token_type in _NO_NAME:
        return any_word and token.token_type is TokenType.NUMBER
    text = token.text
    return bool(text) and (text[0].isalpha() or text[0] == "_")
