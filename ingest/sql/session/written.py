"""Where an expression stands in the text, and how it is written there."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from ingest.sql.result import Place
from ingest.sql.script.tokens import stream

_ENDS = frozenset({"FROM", "INTO", "WHERE", "GROUP", "ORDER", "UNION", "LIMIT", "HAVING", ";"})
_MAX = 200


def place_of(node: exp.Expr) -> Place | None:
    """The place of its first name; None of a literal."""
    first = _first(node)
    if first is None:
        return None
    return Place(int(first["line"]), max(1, int(first["col"]) - (int(first["end"]) - int(first["start"]))))


def text_of(node: exp.Expr, dialect: str) -> str:
    """The expression as sqlglot writes it, at most 200 characters."""
    try:
        return str(node.sql(dialect=dialect or None, comments=False))[:_MAX]
    except Exception:  # what can't be written back has no text
        return ""


def select_item(node: exp.Expr, text: str, offset: int, dialect: str) -> str:
    """The item of the select list that the expression is, as `text` writes it; `offset` is where `text` begins."""
    first = _first(node)
    at = int(first["start"]) - offset if first is not None else -1
    if isinstance(node, exp.Subquery) or not 0 <= at < len(text):
        return text_of(node, dialect)
    found = stream(text, dialect)
    tokens, words = found.tokens, found.words
    here = next((i for i, token in enumerate(tokens) if token.start <= at <= token.end), -1)
    begin, depth = here, 0
    while begin >= 0 and not (words[begin] == "SELECT" and depth == 0):
        depth = max(0, depth + (words[begin] == ")") - (words[begin] == "("))
        begin -= 1
    if here < 0 or begin < 0:
        return text_of(node, dialect)
    start, depth = begin + 1, 0
    while start < here and words[start] in ("DISTINCT", "ALL"):
        start += 1
    for i in range(start, len(tokens) + 1):
        ends = i == len(tokens) or (depth == 0 and (words[i] in _ENDS or words[i] == ")"))
        if ends or (depth == 0 and words[i] == ","):
            if start <= here < i:
                return text[tokens[start].start : tokens[i - 1].end + 1][:_MAX]
            if ends:
                break
            start = i + 1
        elif i < len(tokens):
            depth += (words[i] == "(") - (words[i] == ")")
    return text_of(node, dialect)


def _first(node: exp.Expr) -> dict[str, Any] | None:
    best = None
    for part in node.walk():
        meta = part.meta if part._meta else None
        if meta and "line" in meta and (best is None or meta["start"] < best["start"]):
            best = meta
    return best
