"""An installation that is moved by its journal: the identical graph, and nothing that was done is done again."""

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.durability.estate import EVENTS
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import REPOSITORY, Service, clean_environment, command, run_andon, wait_until

RULE = """
rule: failed-run
version: 1
description: A run failed.
on: {change: run.failed}
for_each: {downstream: Dashboard}
do:
  - webhook: {url: "${ANDON_HOOK}", event_type: com.example.run.failed}
"""
HOOK = {"ANDON_HOOK": "https://hooks.example.com/none"}
FIRINGS = "{ firings { urn } }"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "failed.yaml").write_text(RULE)
    return tmp_path / "rules"


def fails_now(job: str) -> dict[str, object]:
    event = run_event("moving://test", job, new_run_id(), "FAIL", outputs=["made"])
    return {**event, "eventTime": datetime.now(UTC).isoformat()}


def in_shell(pipeline: str, environment: Mapping[str, str]) -> str:
    ended = subprocess.run(
        pipeline, shell=True, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("name", ["journal.ndjson.gz", "journal.parquet"])
def test_a_moved_installation_answers_the_same_and_acts_on_nothing_again(
    tmp_path: Path, rules: Path, name: str
) -> None:
    there = tmp_path / "there"
    with Service(tmp_path / "here", "--rules", str(rules), environment=HOOK) as service:
        service.accept_all([*EVENTS, fails_now("first")])
        assert service.post(b"{").status_code == 400
        wait_until(lambda: bool(service.graphql(FIRINGS)["firings"]), 20, "the rule fires")
        last = 1 + len(EVENTS) + 1 + 2  # the rule, the events, what failed, what was decided of two that failed
        wait_until(lambda: service.position() == last, 20, "the decisions are in the journal")
        before = everything(service, last, with_evidence=True)

        exported = run_andon("journal", "export", str(tmp_path / name), "--data", str(service.data))
        assert exported.returncode == 0, exported.stderr
        assert f"exported {last} envelopes and 1 dead letters" in exported.stderr

    for expected in (f"imported {last} envelopes; 1", f"imported 0 envelopes, {last} were here already; 1"):
        imported = run_andon("journal", "import", str(tmp_path / name), "--data", str(there))
        assert imported.returncode == 0, imported.stderr
        assert expected in imported.stdout

    with Service(there, "--rules", str(rules), environment=HOOK) as moved:
        assert moved.position() == last
        assert differing(everything(moved, last, with_evidence=True), before) == {}
        assert moved.accept(EVENTS[3]) == 5, "what was moved is known"
        moved.accept(fails_now("second"))
        wait_until(lambda: bool(moved.graphql(FIRINGS)["firings"]), 20, "what is new is acted on")
        assert len(moved.graphql(FIRINGS)["firings"]) == 1
    listed = run_andon("journal", "dead-letters", "list", "--data", str(there))
    assert len(listed.stdout.splitlines()) == 1


def test_an_export_goes_through_a_pipe(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        last = service.accept_all(EVENTS[:5])
    export = " ".join(command("journal", "export", "--data", str(tmp_path / "data")))

    lines = in_shell(
        f"{export} --from 2 --to 4 | gzip > {tmp_path}/part.gz; gunzip < {tmp_path}/part.gz", clean_environment()
    )

    records = [json.loads(line) for line in lines.splitlines()]
    assert [it["position"] for it in records if it["record"] == "envelope"] == [2, 3, 4]
    assert records[-1]["envelopes"] == 3 < last


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["journal", "export", "-", "--format", "parquet"], 2, "cannot be written to standard output"),
        (["journal", "export", "x", "--from", "none"], 2, "--from: expected a position"),
        (["journal", "export", "x", "--from", "9"], 1, "there is no journal"),
        (["journal", "import", "nowhere.ndjson"], 1, "there is no file nowhere.ndjson"),
        (["rebuild"], 1, "there is no journal"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    ended = run_andon(*arguments, "--data", str(tmp_path / "none"))

    assert ended.returncode == status
    assert said in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_an_import_beside_a_running_service_is_refused(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        service.accept_all(EVENTS[:2])
        run_andon("journal", "export", str(tmp_path / "a.ndjson"), "--data", str(tmp_path / "data"))
        refused = run_andon("journal", "import", str(tmp_path / "a.ndjson"), "--data", str(tmp_path / "data"))

    assert refused.returncode == 1
    assert "in use by another process" in refused.stderr
