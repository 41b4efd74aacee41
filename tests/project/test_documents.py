"""What README, CONTRIBUTING, CHANGELOG and the manual name exists: make targets, commands, files, settings."""

import re
import tomllib
from pathlib import Path

import pytest

from api.settings import PREFIX, ROWS
from tests.end_to_end.service import run_andon

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/operating.md",
        "docs/facts.md",
        "docs/questions.md",
        "docs/cord.md",
        "docs/propagation.md",
    )
]
MAKEFILE = (ROOT / "Makefile").read_text()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def code(document: Path) -> str:
    """The text of the document's code blocks and code spans, one after the other."""
    text = document.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*blocks, *spans])


@each_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"^(?:\$ )?make ([a-z-]+)", code(document), re.MULTILINE))

    assert named - targets == set()


@each_document
def test_every_andon_command_that_is_named_exists(document: Path) -> None:
    named = set(
        re.findall(r"^(?:\$ )?(?:\.venv/bin/)?andon ([a-z]+)(?: ([a-z][a-z-]+))?", code(document), re.MULTILINE)
    )

    missing = [words for words in sorted(named) if run_andon(*filter(None, words), "--help").returncode]

    assert missing == []


@each_document
def test_every_file_that_is_linked_or_named_exists(document: Path) -> None:
    text = document.read_text()
    linked = {target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target}
    folders = "api|benchmarks|docs|examples|graph|ingest|jobs|ontology|requirements|rules|scripts|tests|ui"
    named = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text))

    assert [
        name
        for name in sorted((linked | named) - {""})
        if not any((folder / name).exists() for folder in (ROOT, document.parent))
    ] == []


@each_document
def test_every_setting_that_is_named_exists(document: Path) -> None:
    known = {PREFIX + row.name.upper() for row in ROWS}
    text = document.read_text()
    named = set(re.findall(r"\bANDON_[A-Z_]+\b", text))
    referred_to_by_rules = set(re.findall(r"\$\{(\w+)\}", text))

    assert named - known - referred_to_by_rules == set()


def test_the_changelog_tells_of_this_version_first() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == VERSION


def test_the_makefile_lists_every_target_that_people_call() -> None:
    phony = re.search(r"^\.PHONY: (help .*)$", MAKEFILE, re.MULTILINE)
    explained = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))

    assert phony and set(phony[1].split()) == explained
