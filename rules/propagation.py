"""What a propagation is: a YAML document beside the rules; which tags travel along lineage, and what stops them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from yaml.nodes import Node

from graph.reader import Direction, Level
from graph.statements import Transformation
from rules.document import Document, plain

MAX_TEXTS = 50
MAX_DEPTH = 1_000
MAX_TEXT = 200

KEY = "propagate"
"""The key by which a document is a propagation's."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_OPTIONAL = ("description", "level", "direction", "indirect", "depth", "breakers")
_BREAKERS = ("masking", "transformations", "jobs", "job_tags")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class _Way(StrEnum):
    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagation:
    """One version of one propagation; `digest` (hex) is of its content.

    `transformations` are types or subtypes, in capitals, that hand nothing on; `jobs` patterns of `namespace/name` or
    name, and `job_tags` tags, of jobs that hand nothing on.
    """

    name: str
    version: int
    description: str = ""
    tags: frozenset[str]
    level: Level = Level.COLUMN
    direction: Direction = Direction.DOWNSTREAM
    indirect: bool = False
    depth: int = MAX_DEPTH
    masking: bool = True
    transformations: frozenset[str] = frozenset()
    jobs: tuple[str, ...] = ()
    job_tags: frozenset[str] = frozenset()
    digest: str

    @property
    def version_id(self) -> str:
        return f"{self.version}+{self.digest[:16]}"

    def lets_through(self, transformations: tuple[Transformation, ...], wide: bool) -> bool:
        """Whether a tag travels by an edge of which this is said: by one of its ways at least.

        Nothing said of a column's edge means that its value is handed on as it is; `wide` edges only decide about rows.
        """
        if not transformations:
            return self.indirect or not wide
        return any(self._lets(it, wide) for it in transformations)

    def _lets(self, way: Transformation, wide: bool) -> bool:
        type, subtype = way.type.upper(), (way.subtype or "").upper()
        if (wide or type == "INDIRECT") and not self.indirect:
            return False
        return not (self.masking and way.masking) and self.transformations.isdisjoint((type, subtype))

    def is_stopped_by(self, namespace: str, name: str, tags: frozenset[str]) -> bool:
        """Whether a job of this name and with these tags hands nothing on."""
        full = f"{namespace}/{name}"
        return not self.job_tags.isdisjoint(tags) or any(
            fnmatchcase(name, it) or fnmatchcase(full, it) for it in self.jobs
        )


def read(document: Document, root: Node) -> Propagation:
    """Raises `RuleFault`."""
    fields = document.mapping(root, "", (KEY, "version", "tags"), _OPTIONAL)
    breakers = document.mapping(fields["breakers"], "breakers", (), _BREAKERS) if "breakers" in fields else {}
    level = Level[_one_of(document, fields, "level", ("column", "dataset"), "column").upper()]
    if level is Level.DATASET:
        for key, node in {"indirect": fields, "masking": breakers, "transformations": breakers}.items():
            if key in node:
                raise document.fault(node[key], key, "is for level: column; lineage of datasets says nothing of values")
    return Propagation(
        name=document.matching(fields[KEY], KEY, _NAME, "lower-case letters, digits and -, at most 100"),
        version=document.whole(fields["version"], "version", 1, 1_000_000),
        description=document.text(fields["description"], "description") if "description" in fields else "",
        tags=frozenset(_texts(document, fields, "tags", "tags")),
        level=level,
        direction=Direction[_one_of(document, fields, "direction", tuple(_Way), "downstream").upper()],
        indirect=_one_of(document, fields, "indirect", ("true", "false"), "false") == "true",
        depth=document.whole(fields["depth"], "depth", 1, MAX_DEPTH) if "depth" in fields else MAX_DEPTH,
        masking=_one_of(document, breakers, "masking", ("true", "false"), "true") == "true",
        transformations=_transformations(document, breakers),
        jobs=_texts(document, breakers, "jobs", "breakers.jobs"),
        job_tags=frozenset(_texts(document, breakers, "job_tags", "breakers.job_tags")),
        digest=hashlib.blake2b(json.dumps(plain(root), sort_keys=True).encode(), digest_size=16).hexdigest(),
    )


def _transformations(document: Document, breakers: dict[str, Node]) -> frozenset[str]:
    words = _texts(document, breakers, "transformations", "breakers.transformations")
    for word in words:
        if not _WORD.fullmatch(word):
            reason = f"expected a type or subtype of a transformation, such as AGGREGATION, found {word[:100]!r}"
            raise document.fault(breakers["transformations"], "breakers.transformations", reason)
    return frozenset(it.upper() for it in words)


def _texts(document: Document, fields: dict[str, Node], key: str, path: str) -> tuple[str, ...]:
    """Nothing where the key is not there; raises `RuleFault` for an empty list."""
    if key not in fields:
        return ()
    texts = document.texts(fields[key], path, MAX_TEXTS)
    if not texts:
        raise document.fault(fields[key], path, "is empty")
    if any(len(it) > MAX_TEXT for it in texts):
        raise document.fault(fields[key], path, f"one is longer than {MAX_TEXT} characters")
    return texts


def _one_of(document: Document, fields: dict[str, Node], key: str, known: tuple[str, ...], default: str) -> str:
    return document.one_of(fields[key], key, known) if key in fields else default
