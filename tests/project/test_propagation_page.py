"""docs/propagation.md is true: its documents can be read, its question is valid, and it names all that can be said."""

from __future__ import annotations

import re
from pathlib import Path

from graphql import parse, validate

from api.graphql import build_schema
from ontology import load
from rules import read_rule
from rules.actions.measures import DIALECTS
from rules.document import Document, compose
from rules.propagation import read

PAGE = (Path(__file__).parents[2] / "docs" / "propagation.md").read_text()
WORDS = load()
REFERENCES = {"ANDON_SHOP_DATABASE": "postgresql://db.example.com/shop"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_its_documents_are_read() -> None:
    propagation, *rules = blocks("yaml")

    assert read(Document("p.yaml", WORDS, {}), compose(propagation.encode(), "p.yaml")).name == "personal-data"
    assert [read_rule(it.encode(), "r.yaml", WORDS, REFERENCES).name for it in rules] == [
        "personal-data-is-told",
        "personal-data-revoked",
    ]


def test_its_question_is_valid() -> None:
    [question] = blocks("graphql")

    assert validate(build_schema(WORDS)[0], parse(question)) == []


def test_every_key_and_dialect_is_named() -> None:
    keys = ("propagate", "tags", "level", "direction", "indirect", "depth", *DIALECTS, "namespace", "database", "mode")
    for key in (*keys, "breakers.masking", "breakers.transformations", "breakers.jobs", "breakers.job_tags"):
        assert f"`{key}`" in PAGE, key
    for measure in ("grant", "revoke", "mask", "rows", "delete"):
        assert f"`{measure}`" in PAGE, measure
