"""SQL to lineage: statements a second, and what grows with a script's length, a table's width and a query's depth.

Each figure is taken in a process of its own, once with the compiled sqlglot (where sqlglotc is installed) and once
with a copy of sqlglot's Python files alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.report import Section
from benchmarks.workbench import Workbench

_REPOSITORY = Path(__file__).parents[1]
_TARGETS = {"sqlglotc": 200, "pure Python": 150}  # statements a CPU second over the TPC queries


def measure(bench: Workbench) -> Section:
    section = Section(
        "sql",
        "SQL to column lineage (one process, CPU time)",
        ("what", "sqlglot", "statements", "s", "ms each", "statements/s"),
    )
    per_statement: dict[str, list[float]] = {}
    for figures in (_in_a_process({}), _in_a_process({"PYTHONPATH": str(_python_files(bench.folder))})):
        build = "sqlglotc" if figures["compiled"] else "pure Python"
        for name, (statements, seconds) in figures["found"].items():
            section.add(name, build, statements, seconds, 1e3 * seconds / statements, statements / seconds)
            if name.endswith("statements"):
                per_statement.setdefault(build, []).append(seconds / statements)
            if name == "TPC-H and TPC-DS":
                section.notes.append(f"{build}: {statements / seconds / _TARGETS[build]:.2f} times {_TARGETS[build]}/s")
    for build, (short, long) in per_statement.items():
        section.notes.append(f"{build}: {long / short:.2f} times the time a statement in a script ten times as long")
    section.notes.append("TPC: with its schema, the best of 3 rounds; the rest: once, with its projection")
    if len(per_statement) == 1:
        section.notes.append("sqlglotc is not installed, so both runs are of pure Python")
    return section


def _python_files(folder: Path) -> Path:
    """A folder with the installed sqlglot, but for its compiled modules, which would be imported before the others."""
    spec = find_spec("sqlglot")
    assert spec is not None
    assert spec.submodule_search_locations
    place = folder / "pure"
    shutil.copytree(
        spec.submodule_search_locations[0],
        place / "sqlglot",
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"),
        dirs_exist_ok=True,
    )
    return place


def _in_a_process(environment: Mapping[str, str]) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.sql"],
        cwd=_REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        sys.exit(run.stderr)
    return dict(json.loads(run.stdout))


def figures() -> dict[str, object]:
    """{"compiled": is it?, "found": {what: (statements, CPU seconds)}}"""
    from sqlglot import parser

    found: dict[str, tuple[int, float]] = {}
    found.update(_tpc())
    _read(_script(20))
    for count in (1_000, 10_000):
        found[f"script of {count:,} statements"] = count, _timed(lambda count=count: _read(_script(count)))
    found["2,000 columns by a star, twice"] = 1, _timed(lambda: _read(*_wide(2_000)))
    found["60 CTEs deep, each read twice"] = 1, _timed(lambda: _read(_deep(60)))
    return {"compiled": not parser.__file__.endswith(".py"), "found": found}


def _tpc(rounds: int = 3) -> Iterator[tuple[str, tuple[int, float]]]:
    """The best of the rounds; the texts differ from round to round by a comment, lest an answer be remembered."""
    from ingest.sql import lineage
    from tests.sql.tpc import DIALECT, queries, schema

    best: dict[str, float] = {}
    for number in range(1 + rounds):
        seconds: dict[str, float] = {}
        for query in queries():
            sql, known = f"{query.sql}-- {number}\n", schema(query.suite)
            taken = _timed(lambda sql=sql, known=known: lineage(sql, DIALECT, known))
            seconds[query.suite] = seconds.get(query.suite, 0.0) + taken
        seconds["both"] = sum(seconds.values())
        if number:
            best = {name: min(taken, best.get(name, taken)) for name, taken in seconds.items()}
    counts = {suite: sum(query.suite == suite for query in queries()) for suite in best}
    yield "TPC-H", (counts["h"], best["h"])
    yield "TPC-DS", (counts["ds"], best["ds"])
    yield "TPC-H and TPC-DS", (len(queries()), best["both"])


def _read(sql: str, schema: Mapping[str, Mapping[str, str]] | None = None) -> None:
    from ingest.sql import END_TO_END, lineage, project

    result = lineage(sql, "postgres", schema)
    assert project(result, END_TO_END).edges


def _script(statements: int) -> str:
    """Chains of ten tables, each made of the one before; every fifth is a temporary one."""
    return "\n".join(_link(number) for number in range(statements))


def _link(number: int) -> str:
    step = number % 10
    before = f"step_{number - 1}" if step else f"base_{number % 7}"
    what = "CREATE TEMP TABLE" if step == 5 else "CREATE TABLE"
    return (
        f"{what} step_{number} AS SELECT b.id, b.amount * r.rate AS amount, coalesce(b.note, r.note) AS note"
        f" FROM {before} AS b JOIN rates AS r ON r.id = b.id WHERE b.amount > {number};"
    )


def _wide(columns: int) -> tuple[str, dict[str, dict[str, str]]]:
    sql = "INSERT INTO narrow SELECT * FROM (WITH all_of_it AS (SELECT * FROM wide) SELECT * FROM all_of_it) AS again"
    names = {f"column_{number}": "int" for number in range(columns)}
    return sql, {"wide": names, "narrow": names}


def _deep(ctes: int) -> str:
    chain = ["c0 AS (SELECT a, b FROM source)"]
    chain += [
        f"c{number} AS (SELECT l.a + r.b AS a, r.a AS b FROM c{number - 1} AS l JOIN c{number - 1} AS r ON l.a = r.a)"
        for number in range(1, ctes)
    ]
    return f"INSERT INTO target (a, b) WITH {', '.join(chain)} SELECT a, b FROM c{ctes - 1}"


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(figures()))
