"""The examples of pipelines that ask the gate do so: the Airflow callable and the dbt hook, against a real service.

Tried by hand with Airflow 3.3 and dbt 1.12, which are too heavy to come along: here dbt is Jinja with the functions
that the macro uses.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import yaml
from jinja2 import Environment

from examples.gate.airflow_gate import GateRefused, may_go
from tests.end_to_end.graph_reading import urn_of
from tests.end_to_end.service import REPOSITORY, Service, clean_environment, command
from tests.end_to_end.test_cord import Line

GATE = REPOSITORY / "examples" / "gate"
MACRO = (GATE / "dbt" / "macros" / "andon_gate.sql").read_text()
HOOK = yaml.safe_load((GATE / "dbt" / "dbt_project.yml").read_text())["on-run-start"]


class CompilerError(Exception):
    """What dbt ends with where a macro raises."""


@pytest.fixture
def line(tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    with Service(tmp_path / "data") as service:
        monkeypatch.setenv("ANDON_URL", service.url)
        yield Line(service, namespace)


@pytest.fixture
def namespace() -> str:
    return "test://gate"


def dbt(answer: str | None, verb: str = "build") -> list[str]:
    """Run the project's hook as dbt does; the warnings. Raises `CompilerError`."""
    warnings: list[str] = []

    def raise_compiler_error(text: str) -> NoReturn:
        raise CompilerError(text)

    def from_json(text: str, default: object = None) -> object:
        try:
            return json.loads(text)
        except ValueError:
            return default

    context: dict[str, Any] = {
        "execute": True,
        "flags": SimpleNamespace(WHICH=verb),
        "env_var": lambda name, default: {"GATE": answer}.get(name) or default,
        "fromjson": from_json,
        "exceptions": SimpleNamespace(raise_compiler_error=raise_compiler_error, warn=warnings.append),
    }
    environment = Environment(extensions=["jinja2.ext.do"])
    macros: Any = environment.from_string(MACRO).make_module(context)
    hook = environment.from_string(HOOK).render(andon_gate=macros.andon_gate)
    assert not hook.strip(), "a hook that leaves no text runs no statement"
    return warnings


def asked(line: Line, job: str) -> str:
    """What a shell puts into GATE."""
    arguments = command("gate", "--json", "--url", line.service.url, "--job", job)
    done = subprocess.run(
        arguments, cwd=REPOSITORY, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_dbt_runs_when_nobody_stopped_it_and_only_then(line: Line) -> None:
    job = f"{line.namespace}/report"
    assert dbt(asked(line, job)) == []

    stop = line.stop(line.orders)
    with pytest.raises(CompilerError, match=r"somebody has stopped this \(block\)"):
        dbt(asked(line, job))
    assert dbt(None, "compile") == []

    line.restart(stop)
    line.stop(line.orders, policy="WARN")
    [warning] = dbt(asked(line, job))
    assert warning.startswith("Andon: warn: half of the rows are missing")


def test_dbt_without_an_answer_runs_nothing() -> None:
    for answer in (None, "andon: no such command"):
        with pytest.raises(CompilerError, match="Nobody asked Andon"):
            dbt(answer)


def test_the_airflow_callable_asks_the_gate(line: Line) -> None:
    assert may_go(job=f"{line.namespace}/report")
    assert may_go(job=["airflow/first-time"], dataset=line.orders)

    line.stop(line.orders)

    assert not may_go(job=f"{line.namespace}/report")
    assert not may_go(job="airflow/first-time", dataset=urn_of("dataset", line.namespace, "clean"))
    with pytest.raises(GateRefused, match="nobody has told of"):
        may_go(dataset="nowhere/nothing")


def test_the_airflow_callable_stops_where_andon_is_away_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "ANDON_URL", "http://127.0.0.1:9")

    assert not may_go(job="a/b")
    assert may_go(job="a/b", if_unreachable="go")


def test_the_dag_hands_the_callable_what_it_takes() -> None:
    tree = ast.parse((GATE / "airflow_dag.py").read_text())
    [sensor] = [it for it in ast.walk(tree) if isinstance(it, ast.Call) and ast.unparse(it.func) == "PythonSensor"]
    said = {it.arg: it.value for it in sensor.keywords}

    assert ast.unparse(said["python_callable"]) == "may_go"
    inspect.signature(may_go).bind(**ast.literal_eval(said["op_kwargs"]))
