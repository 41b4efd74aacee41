"""What docs/facts.md shows is taken: its document, its policy, its questions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from graphql import parse, validate

from api.graphql import build_schema
from graph.model import parse_urn
from ingest import facts
from ingest.policies import read_folder
from ontology import load

PAGE = (Path(__file__).parents[2] / "docs" / "facts.md").read_text()
WORDS = load()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class Estate:
    """Where everything is, and nothing else."""

    def by_urn(self, urns: Sequence[str]) -> frozenset[str]:
        return frozenset(urns)

    def selected(self, *, type: str | None, namespace: str | None, tag: str | None, value: str | None) -> Iterator[str]:
        return iter(["urn:andon:dataset:a:b"])


def test_the_document_is_taken() -> None:
    [document] = blocks("json")

    envelope = facts.accept(document.encode(), WORDS)

    assert (envelope.kind, envelope.source) == ("facts", "catalogue")


def test_the_policy_is_taken(tmp_path: Path) -> None:
    [policy] = blocks("yaml")
    (tmp_path / "policy.yaml").write_text(policy)

    found = read_folder(tmp_path, WORDS, Estate())

    assert (found.policies, found.idle) == (1, [])
    assert {parse_urn(it).kind for it in found.listed} == {"policy", "policyrule"}


@pytest.mark.parametrize("question", blocks("graphql"))
def test_the_questions_are_valid(question: str) -> None:
    assert validate(build_schema(WORDS)[0], parse(question)) == []
