"""Writes the reference page of an ontology: Markdown with all its terms, module by module.

Made from the ontology alone, so the same ontology makes the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ontology.model import Alignment, Attribute, EntityType, Module, Ontology, Relation

PICTURE = "classes.svg"
"""The name by which the page links the picture of `ontology.picture`."""

_PREFIXES = {
    "csvw": "http://www.w3.org/ns/csvw#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "dprod": "https://ekgf.github.io/dprod/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "focus": "https://focus.finops.org/focus-specification/v1-3/#",
    "mls": "http://www.w3.org/ns/mls#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "org": "http://www.w3.org/ns/org#",
    "prov": "http://www.w3.org/ns/prov#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
_SIGNS = {"subClassOf": "⊂", "subPropertyOf": "⊂", "exactMatch": "=", "closeMatch": "≈", "broadMatch": "<"}
_SIGNS |= {"narrowMatch": ">", "relatedMatch": "~"}


def reference(ontology: Ontology) -> str:
    """The page; links the picture as `classes.svg` beside it."""
    parts = [_head(ontology), *(_section(ontology, module) for module in ontology.modules), _vocabularies()]
    return "\n".join(parts)


def _head(ontology: Ontology) -> str:
    keys = len(ontology.key_classes)
    contents = "".join(
        f"- [{_text(it.label)}](#{_anchor(it.label)}): {_text(it.definition)}\n" for it in ontology.modules
    )
    return f"""\
# Reference of the ontology

Version {ontology.version}: {len(ontology.classes)} classes, {keys} of them key classes, {len(ontology.relations)} \
relations and {len(ontology.attributes)} attributes. `andon ontology doc` writes this page from the Turtle files, so \
change those. [How to read it, and how to add words of your own](../ontology.md).

![The key classes with their subclasses, by module]({PICTURE})

{contents}"""


def _section(ontology: Ontology, module: Module) -> str:
    classes = [it for it in ontology.classes.values() if it.module == module.name]
    relations = [it for it in ontology.relations.values() if it.module == module.name]
    attributes = [it for it in ontology.attributes.values() if it.module == module.name]
    own = f"Own file, version {module.version}." if module.own else ""
    told = " ".join(filter(None, (_text(module.definition), own)))
    parts = [f"## {_text(module.label)}\n", f"{told}\n" if told else ""]
    if classes:
        parts.append(_table(("Class", "Kind", "Below", "", "Aligned with"), map(_class_row, classes)))
    if relations:
        parts.append(_graph(relations))
        parts.append(_table(("Relation", "From", "To", "How many", "", "Aligned with"), map(_relation_row, relations)))
    if attributes:
        parts.append(
            _table(("Attribute", "Of", "Value", "How many", "", "Aligned with"), map(_attribute_row, attributes))
        )
    return "\n".join(filter(None, parts))


def _class_row(it: EntityType) -> Sequence[str]:
    claims = [f"{word} {_codes(values)}" for word, values in _claims(it) if values]
    definition = " ".join([_text(it.definition), *(f"Taken from {claim}." for claim in claims)])
    kind = f"`{it.kind}`" if it.key_class else ""
    name = f"**{it.name}**" if it.key_class else f"*{it.name}*" if not it.kind else it.name
    return name, kind, ", ".join(it.parents), definition, _aligned(it.alignments)


def _claims(it: EntityType) -> Iterator[tuple[str, Iterable[str]]]:
    yield "namespaces", it.naming_schemes
    yield "datasetType", it.dataset_types
    yield "jobType", it.job_types


def _codes(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in sorted(values))


def _relation_row(it: Relation) -> Sequence[str]:
    name = f"{it.name}<br>inverse {it.inverse}" if it.inverse else it.name
    lineage = " Carries lineage." if it.carries_lineage else ""
    return name, it.domain, it.range, it.cardinality, _text(it.definition) + lineage, _aligned(it.alignments)


def _attribute_row(it: Attribute) -> Sequence[str]:
    allowed = f" One of {_codes(it.allowed_values)}." if it.allowed_values else ""
    return it.name, it.domain, it.range, it.cardinality, _text(it.definition) + allowed, _aligned(it.alignments)


def _graph(relations: Sequence[Relation]) -> str:
    """The relations as a picture that Markdown viewers draw; those of the whole estate would be a thicket."""
    lines = [f"    {it.domain} {'==>' if it.carries_lineage else '-->'}|{it.name}| {it.range}" for it in relations]
    return "\n".join(["```mermaid", "graph LR", *lines, "```", ""])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _aligned(alignments: Iterable[Alignment]) -> str:
    return ", ".join(f"{_SIGNS[it.predicate]} {_short(it.iri)}" for it in alignments)


def _short(iri: str) -> str:
    for prefix, namespace in _PREFIXES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri.removeprefix(namespace)}"
    return f"<{iri}>"


def _text(words: str) -> str:
    """As Markdown that says just these words, on one line of a table."""
    return escape(" ".join(words.split()), quote=False).replace("|", "\\|").replace("`", "\\`")


def _anchor(label: str) -> str:
    return "".join(it for it in label.lower().replace(" ", "-") if it.isalnum() or it in "-_")


def _vocabularies() -> str:
    rows = ((f"{prefix}:", namespace) for prefix, namespace in _PREFIXES.items())
    signs = "⊂ is a kind of, = means the same as, ≈ nearly the same, < something narrower than, ~ has to do with"
    return f"## Alignments\n\n{signs}:\n\n{_table(('Prefix', 'Vocabulary'), rows)}"
