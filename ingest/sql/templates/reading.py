"""Reads a template piece by piece: an interpreter that forgives, and keeps lines.

Each expression is run by itself in the cage, with the names that are known at that place; one that fails becomes an
unknown. Tags become their line ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateError
from jinja2.runtime import Undefined
from jinja2.utils import Namespace

from ingest.sql.templates.context import Dbt
from ingest.sql.templates.pieces import CAPTURES, Piece
from ingest.sql.templates.sandbox import MAX_TEXT, Overrun, Sandbox
from ingest.sql.templates.unknowns import Guesses

_BLOCKS = CAPTURES | {"if", "for", "snapshot", "block", "with", "autoescape", "raw", "trans"}
_BRANCHES = frozenset({"elif", "else"})
_DEFINITIONS = frozenset({"macro", "test", "data_test", "materialization", "docs"})
_MAX_DEPTH = 60


@dataclass(slots=True)
class Block:
    """A block tag, its branches (`if`, then each `elif` and `else`; one for other tags) and its end."""

    opening: Piece
    branches: list[tuple[Piece, list[Piece | Block]]] = field(default_factory=list)
    ending: Piece | None = None

    @property
    def source(self) -> str:
        inner = ((tag.source, *(part.source for part in body)) for tag, body in self.branches)
        return "".join(text for texts in inner for text in texts) + (self.ending.source if self.ending else "")


def _tree(found: list[Piece]) -> list[Piece | Block]:
    """Blocks within blocks; an end without a beginning is let go, a block without an end ends with the text."""
    top: list[Piece | Block] = []
    open_blocks: list[Block] = []
    here = top
    for piece in found:
        word = piece.keyword
        if word in _BLOCKS and (word != "set" or piece.block) and len(open_blocks) < _MAX_DEPTH:
            block = Block(piece, [(piece, [])])
            here.append(block)
            open_blocks.append(block)
        elif word in _BRANCHES and open_blocks and open_blocks[-1].opening.keyword in ("if", "for"):
            open_blocks[-1].branches.append((piece, []))
        elif word.startswith("end") and any(word[3:] == block.opening.keyword for block in open_blocks):
            while open_blocks[-1].opening.keyword != word[3:]:
                open_blocks.pop()
            open_blocks.pop().ending = piece
        else:
            here.append(piece)
        here = open_blocks[-1].branches[-1][1] if open_blocks else top
    return top


class Reading:
    """One reading; `notes` are (line, what was guessed)."""

    def __init__(self, sandbox: Sandbox, dbt: Dbt, guesses: Guesses) -> None:
        self.sandbox, self.dbt, self.guesses = sandbox, dbt, guesses
        self.names: dict[str, Any] = dbt.names()
        self.notes: list[tuple[int, str]] = []
        self.left = MAX_TEXT
        self.compiled: dict[str, Any] = {}
        self.macros: list[str] = []
        self.tags: dict[str, Callable[[Block], str]] = {
            "if": self._if,
            "for": self._for,
            "set": self._capture,
            "call": self._call,
            "snapshot": self._snapshot,
            "with": self._with,
            **dict.fromkeys(_DEFINITIONS, self._definition),
        }

    def read(self, found: list[Piece]) -> str:
        tree = _tree(found)
        self.macros = [part.source for part in tree if isinstance(part, Block) and part.opening.keyword == "macro"][:50]
        return self._body(tree)

    def _body(self, parts: list[Piece | Block]) -> str:
        return "".join([self._block(part) if isinstance(part, Block) else self._piece(part) for part in parts])

    def _piece(self, piece: Piece) -> str:
        written = ""
        if piece.kind == "data":
            self.left -= len(piece.source)
            return piece.source
        if piece.kind == "output":
            written = self._text(self._value(piece.expression(), piece.line))
        elif piece.kind == "broken":
            self.notes.append((piece.line, "not readable as a template"))
            if piece.source.startswith("{{"):
                written = self._text(self.dbt.unknown(name="unknown"))
        elif piece.keyword == "set":
            self._set(piece)
        elif piece.keyword == "do":
            self._value(piece.expression(1), piece.line)
        elif piece.keyword in ("include", "extends"):
            self.notes.append((piece.line, f"{piece.keyword} is not followed"))
        self.left -= len(written)
        return written + piece.breaks

    def _block(self, block: Block) -> str:
        tag, body = block.branches[0]
        read = self.tags.get(block.opening.keyword)
        written = read(block) if read else tag.breaks + self._body(body)
        return written + (block.ending.breaks if block.ending else "")

    def _if(self, block: Block) -> str:
        """The first branch whose condition holds or cannot be told; line ends for the others."""
        written, taken = [], False
        for tag, body in block.branches:
            if not taken and (tag.keyword == "else" or self._holds(tag.expression(1), tag.line)):
                taken = True
                written.append(tag.breaks + self._body(body))
            else:
                written.append(tag.breaks + _breaks(body))
        return "".join(written)

    def _holds(self, condition: str, line: int) -> bool:
        decided = self.guesses.decided
        value = self._value(condition, line)
        holds = isinstance(value, Undefined) or bool(value)
        if self.guesses.decided > decided or isinstance(value, Undefined):
            self.notes.append((line, f"taken as true: {condition[:100]}"))
            return True
        return holds

    def _for(self, block: Block) -> str:
        """Every round of a known list, the first in place and the others in its last line; one round of any other."""
        tag, body = block.branches[0]
        names, items, condition = self._rounds(tag)
        outer = dict(self.names)
        written: list[str] = []
        for index, item in enumerate(items):
            if index and (self.sandbox.budget.spent or self.left < 0 or index == 1000):
                self.notes.append((tag.line, f"only {index} rounds of the loop are written out"))
                break
            self._bind(names, item)
            if condition and not self._holds(condition, tag.line):
                continue
            self.names["loop"] = _loop(index, items)
            round_ = self._body(body)
            written.append(_in_one_line(round_) if written else tag.breaks + round_)
        # What a loop sets is gone behind it, as in Jinja.
        self.names = outer
        rest = [part_tag.breaks + _breaks(part) for part_tag, part in block.branches[1:]]
        return ("".join(written) or tag.breaks + _breaks(body)) + "".join(rest)

    def _rounds(self, tag: Piece) -> tuple[list[str], list[Any], str]:
        """The loop's names, its items and its condition ("" for none)."""
        depth, start, end = 0, len(tag.words), len(tag.words)
        for index, (kind, text) in enumerate(tag.words):
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}")) if kind == "operator" else 0
            if kind == "name" and depth == 0:
                if text == "in" and start == len(tag.words):
                    start = index + 1
                elif text in ("if", "recursive") and index > start:
                    end = index
                    break
        names = [text for kind, text in tag.words[1 : start - 1] if kind == "name"]
        condition = tag.expression(end + 1) if end < len(tag.words) and tag.words[end][1] == "if" else ""
        decided = self.guesses.decided
        try:
            items = list(self._value(tag.expression(start, end), tag.line))
        except (TypeError, TemplateError):
            items = [self.dbt.unknown(name=names[0] if names else "item")]
        if self.guesses.decided > decided:
            items = items[:1]
            self.notes.append((tag.line, "the loop's list is not known, read as one item"))
            if len(names) == 1 and isinstance(items[0], Undefined):
                items = [self.dbt.unknown(name=names[0])]
        return names, items, condition

    def _bind(self, names: list[str], item: Any) -> None:
        if len(names) == 1:
            self.names[names[0]] = item
            return
        values = list(item) if isinstance(item, list | tuple) else []
        for index, name in enumerate(names):
            self.names[name] = values[index] if index < len(values) else self.dbt.unknown(name=name)

    def _set(self, piece: Piece) -> None:
        words = [text for _, text in piece.words]
        equals = words.index("=")
        targets = [text for kind, text in piece.words[1:equals] if kind == "name"]
        value = self._value(piece.expression(equals + 1), piece.line)
        if "." in words[:equals]:  # a namespace's attribute
            space = self.names.get(targets[0])
            if isinstance(space, Namespace | dict) and len(targets) == 2:
                space[targets[1]] = value
        else:
            self._bind(targets, value)

    def _capture(self, block: Block) -> str:
        """`{% set x %}...{% endset %}` and filters: the body becomes a value, and line ends in the text."""
        tag, body = block.branches[0]
        self.names[tag.words[1][1] if len(tag.words) > 1 else ""] = _in_one_line(self._body(body).strip())
        return tag.breaks + _breaks(body)

    def _call(self, block: Block) -> str:
        """A statement other than the main one is asked while compiling; what another macro wraps is kept."""
        tag, body = block.branches[0]
        called = [text for _, text in tag.words]
        if "statement" in called[:6] and not {"'main'", '"main"'} & set(called):
            self.notes.append((tag.line, "a statement that runs while compiling is left out"))
            return tag.breaks + _breaks(body)
        return tag.breaks + self._body(body)

    def _snapshot(self, block: Block) -> str:
        tag, body = block.branches[0]
        return tag.breaks + self._body(body)

    def _with(self, block: Block) -> str:
        tag, body = block.branches[0]
        outer = dict(self.names)
        if len(tag.words) > 3 and tag.words[2][1] == "=":
            self.names[tag.words[1][1]] = self._value(tag.expression(3), tag.line)
        written = tag.breaks + self._body(body)
        self.names = outer
        return written

    def _definition(self, block: Block) -> str:
        """A macro of the same file can be called from here on."""
        tag, body = block.branches[0]
        if tag.keyword == "macro" and len(tag.words) > 1 and block.ending:
            name = tag.words[1][1]
            try:
                # All of them together, since they may call each other.
                template = self.sandbox.from_string("".join(self.macros) or block.source)
            except TemplateError:
                template = None
            try:
                template = template or self.sandbox.from_string(block.source)
                self.names[name] = getattr(template.make_module(self.names), name)
            except Exception as error:  # the template's own code may fail in any way
                self.notes.append((tag.line, f"macro {name} cannot be read: {str(error)[:100]}"))
        return tag.breaks + _breaks(body)

    def _value(self, expression: str, line: int) -> Any:
        """What the expression gives; an unknown when it fails."""
        try:
            if expression.isidentifier() and expression.lower() not in ("true", "false", "none"):
                return self.names[expression] if expression in self.names else self.dbt.unknown(name=expression)
            if self.sandbox.budget.spent:
                raise Overrun("the template asks for too much")
            template = self.compiled.get(expression)
            if template is None:
                template = self.compiled[expression] = self.sandbox.from_string(f"{{% set value = {expression} %}}")
            return getattr(template.make_module(self.names), "value", self.dbt.unknown(name="unknown"))
        except Exception as error:  # the template's own code may fail in any way
            self.notes.append((line, f"{expression[:100]} cannot be read: {str(error)[:100] or type(error).__name__}"))
            return self.dbt.unknown(name=_name_in(expression))

    def _text(self, value: Any) -> str:
        try:
            return _in_one_line(str(self.sandbox.printed(value)))
        except Exception:  # a value that cannot be printed, or not any more
            return str(self.dbt.unknown(name="unknown"))


def _name_in(expression: str) -> str:
    """The first word of an expression that could be a name."""
    return next((word for word in expression[:200].split() if word.isidentifier()), "unknown")


def _breaks(parts: list[Piece | Block]) -> str:
    return "".join([part.breaks if isinstance(part, Piece) else "\n" * part.source.count("\n") for part in parts])


def _loop(index: int, items: list[Any]) -> dict[str, Any]:
    """Jinja's `loop`, as far as text depends on it."""
    return {
        "index": index + 1,
        "index0": index,
        "revindex": len(items) - index,
        "revindex0": len(items) - index - 1,
        "first": index == 0,
        "last": index == len(items) - 1,
        "length": len(items),
        "cycle": lambda *values: values[index % len(values)] if values else None,
        "previtem": items[index - 1] if index else None,
        "nextitem": items[index + 1] if index + 1 < len(items) else None,
    }


def _in_one_line(text: str) -> str:
    """The SQL without line ends: comments that need one are taken out."""
    if "\n" not in text:
        return text
    done, at, quote = [], 0, ""
    while at < len(text):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character
        elif text.startswith("--", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        done.append(" " if character == "\n" else character)
        at += 1
    return "".join(done)
