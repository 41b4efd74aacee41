"""RDF as text: terms in N-Triples' notation, and documents in N-Quads, Turtle, TriG and JSON-LD, written as they come.

A term is the text that N-Triples has for it, `<urn:andon:...>` or `"5"^^<http://...#integer>`: it is the same in a
SPARQL update and in every format of the family, so that it is made once. Nothing here holds more than one subject.

Sources: RDF 1.1 N-Triples and N-Quads (https://www.w3.org/TR/n-quads/), Turtle, TriG, JSON-LD 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

import msgspec

Quad = tuple[str, str, str, str]
"""(subject, predicate, object, graph); "" is the default graph."""

XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"

_UNSAFE = re.compile(r'[\x00-\x1f"\\\x7f\ud800-\udfff]')
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f"}
_NO_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\\ud800-\udfff]')
_LOCAL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TERM = re.compile(r'<(?P<iri>[^>]*)>|"(?P<text>(?:[^"\\]|\\.)*)"(?:\^\^<(?P<type>[^>]*)>|@(?P<tag>[\w-]+))?')
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_UNESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def iri(text: str) -> str:
    """The term of an IRI; characters that no IRI may have are percent-encoded."""
    return f"<{_NO_IRI.sub(_percent, text)}>"


def literal(text: str) -> str:
    """The term of a plain text; half a surrogate pair, which is no character, becomes U+FFFD."""
    if _UNSAFE.search(text):
        text = _UNSAFE.sub(_escaped, text)
    return f'"{text}"'


def typed(text: str, name: str) -> str:
    """The term of a value of an XML Schema type: `typed("5", "integer")`."""
    return f"{literal(text)}^^<{XSD}{name}>"


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace"))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return _ESCAPES.get(character) or f"\\u{ord(character):04X}"


# Documents ---------------------------------------------------------------------------------------------------


def n_quads(quads: Iterable[Quad]) -> Iterator[str]:
    """One line each; without graphs it is N-Triples."""
    for subject, predicate, object, graph in quads:
        yield f"{subject} {predicate} {object} {graph} .\n" if graph else f"{subject} {predicate} {object} .\n"


class Shortening:
    """Writes IRIs with prefixes, by name -> namespace, as Turtle and JSON-LD do."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self.prefixes = dict(prefixes)
        self._by_namespace = {namespace: name for name, namespace in prefixes.items()}
        self._known: dict[str, str] = {}

    def head(self) -> str:
        return "".join(f"@prefix {name}: <{namespace}> .\n" for name, namespace in sorted(self.prefixes.items())) + "\n"

    def term(self, term: str) -> str:
        """A term as Turtle has it."""
        if term[0] == "<":
            return self._short(term)
        text, mark, type = term.rpartition("^^")
        return f"{text}^^{self._short(type)}" if mark and type[:1] == "<" and text[-1:] == '"' else term

    def _short(self, term: str) -> str:
        found = self._known.get(term)
        if found is None:
            found = self.prefixed(term[1:-1]) or term
            if not term.startswith("<urn:") and len(self._known) < 10_000:
                self._known[term] = found
        return found

    def prefixed(self, text: str) -> str | None:
        """`prov:Entity` for its IRI, None where no prefix fits."""
        end = max(text.rfind("#"), text.rfind("/")) + 1
        name = self._by_namespace.get(text[:end])
        return f"{name}:{text[end:]}" if name is not None and _LOCAL.fullmatch(text[end:]) else None


def turtle(quads: Iterable[Quad], shortening: Shortening) -> Iterator[str]:
    """Graphs are passed over: what stands in several is written in each place it comes."""
    yield shortening.head()
    yield from _blocks(quads, shortening, "")


def trig(quads: Iterable[Quad], shortening: Shortening) -> Iterator[str]:
    """Quads of one graph that follow one another share a block."""
    yield shortening.head()
    for graph, several in groupby(quads, key=lambda it: it[3]):
        if graph:
            yield f"{shortening.term(graph)} {{\n"
        yield from _blocks(several, shortening, "    " if graph else "")
        if graph:
            yield "}\n\n"


def _blocks(quads: Iterable[Quad], shortening: Shortening, indent: str) -> Iterator[str]:
    term = shortening.term
    for subject, several in groupby(quads, key=lambda it: it[0]):
        lines = []
        for predicate, alike in groupby(several, key=lambda it: it[1]):
            objects = ", ".join(dict.fromkeys(term(it[2]) for it in alike))
            lines.append(f"{'a' if predicate == TYPE else term(predicate)} {objects}")
        yield f"{indent}{term(subject)} " + f" ;\n{indent}    ".join(lines) + (" .\n" if indent else " .\n\n")


def json_ld(quads: Iterable[Quad], context: Mapping[str, object], shortening: Shortening) -> Iterator[str]:
    """One document; what is not in the default graph stands in a node of its graph's name."""
    names = _Names(context, shortening)
    yield '{"@context": ' + msgspec.json.encode(context).decode() + ',\n "@graph": ['
    first = True
    for graph, of_graph in groupby(quads, key=lambda it: it[3]):
        for node in _nodes(of_graph, names):
            value = {"@id": graph[1:-1], "@graph": [node]} if graph else node
            yield ("\n" if first else ",\n") + msgspec.json.encode(value).decode()
            first = False
    yield "\n]}\n"


class _Names:
    """How a JSON-LD document with this context calls predicates and types."""

    def __init__(self, context: Mapping[str, object], shortening: Shortening) -> None:
        self._shortening = shortening
        self._terms: dict[str, tuple[str, str | None]] = {}
        for name, told in context.items():
            if isinstance(told, dict) and isinstance(told.get("@id"), str):
                self._terms.setdefault(self._whole(told["@id"]), (name, told.get("@type")))

    def _whole(self, text: str) -> str:
        name, colon, rest = text.partition(":")
        namespace = self._shortening.prefixes.get(name) if colon else None
        return text if namespace is None else namespace + rest

    def term(self, term: str) -> tuple[str, str | None]:
        """(key, the type that the context gives its values)."""
        text = term[1:-1]
        return self._terms.get(text) or (self._shortening.prefixed(text) or text, None)

    def short(self, term: str) -> str:
        return self._shortening.prefixed(term[1:-1]) or term[1:-1]


def _nodes(quads: Iterable[Quad], names: _Names) -> Iterator[dict[str, object]]:
    for subject, several in groupby(quads, key=lambda it: it[0]):
        node: dict[str, object] = {"@id": subject[1:-1]}
        values: dict[str, list[object]] = {}
        for _, predicate, term, _ in several:
            if predicate == TYPE:
                values.setdefault("@type", []).append(names.short(term))
            else:
                key, coercion = names.term(predicate)
                values.setdefault(key, []).append(_value(term, coercion))
        yield node | {key: found[0] if len(found) == 1 else found for key, found in values.items()}


def _value(term: str, coercion: str | None) -> object:
    match = _TERM.fullmatch(term)
    assert match is not None, term
    if match["iri"] is not None:
        return match["iri"] if coercion == "@id" else {"@id": match["iri"]}
    text = _ESCAPED.sub(_unescaped, match["text"])
    if match["tag"]:
        return {"@value": text, "@language": match["tag"]}
    if match["type"] is None or match["type"] == XSD + "string":
        return text if coercion is None or coercion == "xsd:string" else {"@value": text}
    short = "xsd:" + match["type"].removeprefix(XSD)
    return text if coercion in (short, match["type"]) else {"@value": text, "@type": match["type"]}


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _UNESCAPES.get(match[2], match[2])
