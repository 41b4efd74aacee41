"""The README's three doors, walked through as they stand: commands run, and their answers are those shown."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ontology import load
from rules import load_rules
from tests.end_to_end.service import Service

README = (Path(__file__).parents[2] / "README.md").read_text()
DOCUMENTED = "http://127.0.0.1:8080"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data") as service:
        yield service


def shown(door: str) -> tuple[str, str]:
    """The curl command of the door's console block, and the answer printed below it."""
    [section] = re.findall(rf"^\*\*{re.escape(door)}.*?(?=^\*\*|^## )", README, re.MULTILINE | re.DOTALL)
    [console] = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    commands, answer = re.split(r"'\n(?=HTTP|\{)", console, maxsplit=1)
    return commands[commands.index("$ curl") + len("$ ") :] + "'", answer


def run(command: str, service: Service) -> str:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    assert DOCUMENTED in command
    here = command.replace(DOCUMENTED, service.url)
    return subprocess.run(["bash", "-c", here], check=True, capture_output=True, text=True, timeout=60).stdout


def test_the_event_of_the_readme_is_answered_as_it_says(service: Service) -> None:
    command, expected = shown("Send OpenLineage.")

    answer = run(command, service).splitlines()

    assert [line for line in expected.splitlines() if line.lower() not in map(str.lower, answer)] == []


def test_the_question_of_the_readme_is_answered_as_it_says(service: Service) -> None:
    send, _ = shown("Send OpenLineage.")
    ask, expected = shown("Ask GraphQL.")

    run(send, service)

    assert json.loads(run(ask, service)) == json.loads(expected)


def test_the_rule_of_the_readme_is_a_rule(tmp_path: Path) -> None:
    [rule] = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "rule.yaml").write_text(rule)
    [reference] = re.findall(r"^\$ export (\w+)=(\S+)$", README, re.MULTILINE)

    [read] = load_rules(tmp_path, load(), dict([reference]))

    assert read.name == "failed-run-tells-dashboards"
