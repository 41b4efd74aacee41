"""Which Java a line of Neo4j is started with, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ALLOWED_SKIPS
from tests.servers import neo4j
from tests.servers.neo4j import LONG_TERM, NEWEST, Missing


def java(folder: Path, version: str) -> Path:
    """A home of something that says it is that version."""
    program = folder / version / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    program.chmod(0o755)
    return program.parents[1]


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only Javas stand in this folder."""
    monkeypatch.setattr(neo4j, "_JVMS", (f"{tmp_path}/jvms/*",))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path / "jvms"


def test_each_line_finds_the_java_that_it_runs_on(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = java(only, "17.0.15"), java(only, "25.0.3")
    monkeypatch.setenv("JAVA_HOME", str(java(only, "11.0.2")))

    assert neo4j._java(LONG_TERM) == str(old / "bin" / "java")
    assert neo4j._java(NEWEST) == str(new / "bin" / "java")


def test_a_java_home_that_will_do_comes_first(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(only, "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(java(only, "21")))

    assert neo4j._java(LONG_TERM) == neo4j._java(NEWEST) == str(only / "21" / "bin" / "java")


def test_only_the_newest_line_may_be_skipped_by_ci_for_want_of_a_java(only: Path) -> None:
    java(only, "11.0.2")
    reasons = []
    for line in (LONG_TERM, NEWEST):
        with pytest.raises(Missing) as missing:
            neo4j._java(line)
        reasons.append(f"no Neo4j: {missing.value}")

    assert "it runs on 17 to 21, found 11" in reasons[0]
    assert [reason.startswith(tuple(ALLOWED_SKIPS)) for reason in reasons] == [False, True]
