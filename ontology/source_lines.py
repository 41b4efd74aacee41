"""Where in a Turtle file a subject, or a property of it, is written: rdflib keeps no positions.

Only read when an error must name a line. It knows the token rules of Turtle 1.1 (section 6.5) but no grammar
beyond "subject, then property and objects separated by ';' until '.'": the file has been parsed by then and
is well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

_STRINGS = (
    r'"""(?:[^"\\]|\\.|"(?!""))*"""',
    r"\'\'\'(?:[^'\\]|\\.|'(?!''))*\'\'\'",
    r'"(?:[^"\\\n]|\\.)*"',
    r"'(?:[^'\\\n]|\\.)*'",
)
_TOKEN = re.compile(
    rf"(?P<skip>\s+|#[^\n]*)|(?P<string>{'|'.join(_STRINGS)})|(?P<iri><[^>]*>)|(?P<mark>[.;,\[\]()])"
    r"""|(?P<word>[^\s;,\[\]()"'<>#]+)""",
    re.DOTALL,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OPENING, _CLOSING = frozenset("[("), frozenset("])")


class SourceLines:
    """The lines (from 1) on which subjects and their properties first appear."""

    def __init__(self, text: str, base: str) -> None:
        self._base = base
        self._prefixes: dict[str, str] = {}
        self._subjects: dict[str, int] = {}
        self._properties: dict[tuple[str, str], int] = {}
        tokens = _tokens(text)
        for token, line in tokens:
            if token.lstrip("@").lower() in {"prefix", "base"}:
                self._read_directive(token, tokens)
            elif token != ".":
                self._read_statement(self._expand(token), line, tokens)

    def of(self, subject: str, prop: str | None = None) -> int:
        """The line of a property of a subject (IRIs); of the subject if it lacks the property; else 1."""
        if prop is not None and (line := self._properties.get((subject, prop))):
            return line
        return self._subjects.get(subject, 1)

    def _read_directive(self, token: str, tokens: Iterator[tuple[str, int]]) -> None:
        if token.lstrip("@").lower() == "prefix":
            prefix = next(tokens)[0]
            self._prefixes[prefix] = self._absolute(next(tokens)[0][1:-1])
        else:
            self._base = self._absolute(next(tokens)[0][1:-1])

    def _read_statement(self, subject: str, line: int, tokens: Iterator[tuple[str, int]]) -> None:
        """Read on to the '.' that ends the subject's statement."""
        self._subjects.setdefault(subject, line)
        depth = int(subject in _OPENING)
        property_next = depth == 0
        for token, at in tokens:
            if depth == 0 and token == ".":
                return
            if depth == 0 and token == ";":
                property_next = True
            elif property_next:
                self._properties.setdefault((subject, self._expand(token)), at)
                property_next = False
            else:
                depth += (token in _OPENING) - (token in _CLOSING)

    def _expand(self, token: str) -> str:
        if token.startswith("<"):
            return self._absolute(token[1:-1])
        if token == "a":
            return "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
        prefix, colon, local = token.partition(":")
        return self._prefixes.get(prefix + colon, prefix + colon) + local

    def _absolute(self, iri: str) -> str:
        if _SCHEME.match(iri):
            return iri
        # urljoin drops an empty fragment, and "#" is how most vocabularies end.
        return self._base.partition("#")[0] + iri if iri.startswith("#") else urljoin(self._base, iri)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Tokens with their lines; the '.' that may stick to the end of a word comes as its own token."""
    line = 1
    for match in _TOKEN.finditer(text):
        token, kind = match.group(), match.lastgroup
        if kind == "word" and token.endswith("."):
            yield token.rstrip("."), line
            yield ".", line
        elif kind != "skip":
            yield token, line
        line += token.count("\n")
