"""A template in pieces, by jinja2's own lexer: data, expressions, tags and comments, each with its place.

The pieces' sources make up the text again. What the lexer cannot read (a tag that never ends, a sign that Jinja does
not know) is one broken piece, and the lexer goes on behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError

CAPTURES = frozenset({"macro", "set", "call", "filter", "test", "data_test", "materialization", "docs"})
"""Tags whose body is a value of the template's, or nothing, but not output."""

_LEXER = Environment(keep_trailing_newline=True)
_ENDS = {"variable_begin": "variable_end", "block_begin": "block_end", "comment_begin": "comment_end"}
_CLOSES = {"{{": "}}", "{%": "%}", "{#": "#}"}
_MAX_RELEXED = 20_000_000
"""Characters that are looked at again because of broken pieces, before the rest is taken as it is."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`kind` is data, output, tag, comment or broken; `words` are the tokens (kind, text) within an output or a tag."""

    kind: str
    source: str
    line: int
    words: tuple[tuple[str, str], ...] = ()

    @property
    def keyword(self) -> str:
        """The tag's first word, "" for anything else."""
        return self.words[0][1] if self.kind == "tag" and self.words else ""

    @property
    def breaks(self) -> str:
        """The line ends in it, to stand where it stood."""
        return "\n" * self.source.count("\n")

    @property
    def block(self) -> bool:
        """Does a `set` tag capture what follows, up to its `endset`?"""
        return not any(kind == "operator" and text == "=" for kind, text in self.words)

    def expression(self, start: int = 0, end: int | None = None) -> str:
        """The source of the words from `start` to `end`."""
        return " ".join(text for _, text in self.words[start:end])


def pieces(text: str) -> list[Piece]:
    """The pieces of a text whose lines end in a line feed."""
    found: list[Piece] = []
    start, line = 0, 1
    relexed = 0
    while relexed < _MAX_RELEXED:
        stopped = _lex(text, start, line, found)
        if stopped is None:
            return found
        line += text.count("\n", start, stopped)
        end = _end_of_broken(text, stopped)
        found.append(Piece("broken", text[stopped:end], line))
        line += text.count("\n", stopped, end)
        start = end
        relexed += len(text) - start + 1000
    found.append(Piece("data", text[start:], line))
    return found


def _end_of_broken(text: str, start: int) -> int:
    """Behind the tag's end, when that comes before the next tag; else behind the line."""
    close = text.find(_CLOSES.get(text[start : start + 2], "\n"), start + 2)
    following = min((at for opening in _CLOSES if (at := text.find(opening, start + 2)) >= 0), default=len(text))
    if 0 <= close < following:
        return close + 2
    end_of_line = text.find("\n", start)
    return min(following, len(text) if end_of_line < 0 else end_of_line)


def _lex(text: str, start: int, line: int, found: list[Piece]) -> int | None:
    """Add the pieces from `start` on; the place of the tag where the lexer gave up, None at the end of the text."""
    rest = text[start:]
    at, begun, opened = 0, 0, ""  # begun: where the piece under way starts; opened: the kind of its first token
    words: list[tuple[str, str]] = []

    def add(kind: str, end: int) -> None:
        nonlocal line, begun
        if end > begun:
            piece = Piece(kind, rest[begun:end], line, tuple(words))
            found.append(piece)
            line += piece.source.count("\n")
        begun = end
        words.clear()

    try:
        for _, kind, value in _LEXER.lex(rest):
            # The lexer leaves out the white space that a `-` takes away.
            while not rest.startswith(value, at) and at < len(rest) and rest[at].isspace():
                at += 1
            if kind in _ENDS or kind in ("raw_begin", "raw_end"):
                add("data", at)
                opened = kind
            at += len(value)
            if kind == _ENDS.get(opened):
                add(opened.partition("_")[0].replace("variable", "output").replace("block", "tag"), at)
                opened = ""
            elif kind in ("raw_begin", "raw_end"):
                add("comment", at)
                opened = ""
            elif opened and kind not in ("whitespace", *_ENDS):
                if value in ("{", "%") and rest[at - 2 : at] in _CLOSES and words and words[-1][1] == "{":
                    return start + begun  # another tag opens: this one never ended
                words.append((kind, value))
    except (TemplateSyntaxError, RecursionError):
        if not opened:
            # The text before a broken opening was not told yet.
            begun_of_tag = min((i for mark in _CLOSES if (i := rest.find(mark, at)) >= 0), default=begun)
            add("data", begun_of_tag)
        return start + begun
    if opened and begun < len(rest):
        return start + begun
    add("data", len(rest))
    return None
