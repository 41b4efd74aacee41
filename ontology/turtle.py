"""Parsed Turtle files, read as one: single values come with a complaint that names file and line.

Knows RDF and what a well-formed description is, not what Andon's terms mean; that is `ontology.loader`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from rdflib import RDF, Graph, Literal, Namespace, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.term import Node

from ontology.errors import Faults, OntologyError
from ontology.source_lines import SourceLines

ANDON = Namespace("https://andon.dev/ns#")
"""The namespace of the shipped terms, and of the properties that describe any term to Andon."""

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")
_LOCAL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def local_name(iri: str) -> str:
    """What follows the last '#' or '/'."""
    return re.split(r"[#/]", iri)[-1]


class TurtleFile:
    """The triples of one file, and where they stand in it."""

    def __init__(self, content: bytes, file: str) -> None:
        """Parse; raises `OntologyError` where the bytes are not UTF-8 or not Turtle."""
        self.file = file
        self._text = _decoded(content, file)
        self._base = f"file:///{file.lstrip('/')}"
        self.graph = Graph(bind_namespaces="none")
        try:
            self.graph.parse(data=self._text, format="turtle", publicID=self._base)
        except BadSyntax as error:
            # Its message repeats the text around the fault; its line count may have run ahead of its offset.
            line = self._text.count("\n", 0, error._i) + 1
            raise OntologyError(file, line, f"not valid Turtle: {error._why}") from error
        except IndexError as error:
            # The parser looks past the end of a text that closes the file without a full stop.
            line = self._text.count("\n") + 1
            raise OntologyError(file, line, "not valid Turtle: ends inside a statement") from error
        except ValueError as error:
            line = _line_of_language_tag(self._text, str(error))
            raise OntologyError(file, line, f"not valid Turtle: {error}") from error
        except AttributeError:
            # The parser is one for N3 too, and looks for the formula that a variable stands in.
            line = _line_of(re.search(r"(?<![\w<\"])\?\w", self._text), self._text)
            raise OntologyError(file, line, "not valid Turtle: it has no variables such as ?x") from None
        except RecursionError:
            raise OntologyError(file, 1, "not valid Turtle: nested too deeply") from None
        self._check_iris()

    def fault(self, subject: Node | None, prop: Node | None, reason: str) -> OntologyError:
        """The error for a fault at a property of a subject, at the subject itself, or in the file as a
        whole."""
        # As plain strings: an rdflib term never equals one.
        line = self._lines.of(str(subject), str(prop) if prop is not None else None) if subject is not None else 1
        return OntologyError(self.file, line, reason)

    def _check_iris(self) -> None:
        """The parser lets pass what no IRI may have, and what would end one in a query or a dump (RFC 3987, 2.2)."""
        for triple in self.graph:
            for node in triple:
                if isinstance(node, URIRef) and not _IRI.fullmatch(node):
                    raise self.fault(triple[0], triple[1], f"expected an IRI, found <{str(node)[:200]}>")

    @cached_property
    def _lines(self) -> SourceLines:
        return SourceLines(self._text, self._base)


class Terms:
    """The triples of several files, read as one graph; the order of the files is that of the terms."""

    def __init__(self, files: Sequence[TurtleFile]) -> None:
        self.files = files
        self.graph = files[0].graph if len(files) == 1 else _union(files)

    def declared(self, rdf_type: URIRef, faults: Faults) -> dict[str, URIRef]:
        """The terms of a type by local name, in the order of the files; blank nodes are left out."""
        terms: dict[str, URIRef] = {}
        # By file: the union of the graphs has forgotten the order.
        for iri in (node for file in self.files for node in file.graph.subjects(RDF.type, rdf_type)):
            name = local_name(str(iri))
            if not isinstance(iri, URIRef) or terms.get(name) == iri:
                continue
            with faults.kept():
                if not _LOCAL_NAME.fullmatch(name):
                    raise self.fault(iri, None, f"expected a name of letters and digits, found '{name}' in <{iri}>")
                if name in terms:
                    raise self.fault(iri, None, f"the name {name} is taken by <{terms[name]}>")
                terms[name] = iri
        return terms

    def text(self, subject: URIRef, prop: URIRef) -> str:
        """The one text of a property; of several languages the English or unmarked one."""
        found = self.optional_text(subject, prop)
        if found is None:
            raise self.fault(subject, None, f"{local_name(subject)} has no {self._short(prop)}")
        return found

    def optional_text(self, subject: URIRef, prop: URIRef) -> str | None:
        literals = self._literals(subject, prop)
        english = [literal for literal in literals if literal.language in (None, "en")]
        chosen = english or literals
        if len(chosen) > 1:
            raise self._repeated(subject, prop, len(chosen))
        return str(chosen[0]) if chosen else None

    def texts(self, subject: URIRef, prop: URIRef) -> frozenset[str]:
        return frozenset(str(literal) for literal in self._literals(subject, prop))

    def flag(self, subject: URIRef, prop: URIRef) -> bool:
        """True or false; false where it is not stated."""
        literals = self._literals(subject, prop)
        if len(literals) > 1:
            raise self._repeated(subject, prop, len(literals))
        value = literals[0].value if literals else False
        if not isinstance(value, bool):
            raise self.fault(subject, prop, f"expected true or false for {self._short(prop)}, found '{literals[0]}'")
        return value

    def optional_iri(self, subject: URIRef, prop: URIRef) -> URIRef | None:
        found = list(self.graph.objects(subject, prop))
        if len(found) > 1:
            raise self._repeated(subject, prop, len(found))
        if found and not isinstance(found[0], URIRef):
            raise self.fault(subject, prop, f"expected an IRI for {self._short(prop)}, found '{found[0]}'")
        return found[0] if found and isinstance(found[0], URIRef) else None

    def iri(self, subject: URIRef, prop: URIRef) -> URIRef:
        found = self.optional_iri(subject, prop)
        if found is None:
            raise self.fault(subject, None, f"{local_name(subject)} has no {self._short(prop)}")
        return found

    def iris(self, subject: URIRef, prop: URIRef) -> list[URIRef]:
        """The IRIs of a property, sorted; blank nodes (OWL restrictions) say nothing to Andon."""
        return sorted(node for node in self.graph.objects(subject, prop) if isinstance(node, URIRef))

    def file_of(self, subject: URIRef) -> TurtleFile:
        """The file that declares a term: the first that says what it is, or speaks of it at all."""
        declaring = (file for file in self.files if (subject, RDF.type, None) in file.graph)
        speaking = (file for file in self.files if (subject, None, None) in file.graph)
        return next(declaring, None) or next(speaking)

    def fault(self, subject: URIRef, prop: URIRef | None, reason: str) -> OntologyError:
        """The error for a fault at a property of a subject, or at the subject itself, in the last file that has it:
        what came last spoilt it."""
        having = [file for file in self.files if (subject, prop, None) in file.graph] if prop is not None else []
        file = having[-1] if having else self.file_of(subject)
        return file.fault(subject, prop, reason)

    def _literals(self, subject: URIRef, prop: URIRef) -> list[Literal]:
        found = list(self.graph.objects(subject, prop))
        literals = [node for node in found if isinstance(node, Literal)]
        if len(literals) < len(found):
            raise self.fault(subject, prop, f"expected text for {self._short(prop)}, found a resource")
        return literals

    def _repeated(self, subject: URIRef, prop: URIRef, times: int) -> OntologyError:
        reason = f"{local_name(subject)} has {times} values of {self._short(prop)}, expected one"
        return self.fault(subject, prop, reason)

    def _short(self, prop: URIRef) -> str:
        """A property as the file writes it: "rdfs:label"."""
        return self.graph.namespace_manager.normalizeUri(prop)


def _union(files: Sequence[TurtleFile]) -> Graph:
    graph = Graph(bind_namespaces="none")
    for file in files:
        for prefix, namespace in file.graph.namespaces():
            graph.bind(prefix, namespace, override=False)
        for triple in file.graph:
            graph.add(triple)
    return graph


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OntologyError(file, line, f"expected UTF-8, found byte 0x{content[error.start]:02x}") from error


def _line_of(found: re.Match[str] | None, text: str) -> int:
    return text.count("\n", 0, found.start()) + 1 if found is not None else 1


def _line_of_language_tag(text: str, complaint: str) -> int:
    """Where the tag stands that rdflib names in "'de3' is not a valid language tag!"; 1 if it names none."""
    tag = complaint.split("'")[1:2]
    return text.count("\n", 0, max(text.find("@" + tag[0]), 0)) + 1 if tag else 1
