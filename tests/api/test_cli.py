"""The command line, each command as a process or called with its arguments."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api.cli import main
from api.settings import ROWS, flag
from graph.sqlite_journal import SqliteJournal
from tests.api.events import run_event

REPOSITORY = Path(__file__).parents[2]


def andon(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=REPOSITORY,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `andon serve` and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", *arguments],
        cwd=REPOSITORY,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line + process.stderr.read()
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_where_it_listens_and_ends_well_when_asked_to(tmp_path: Path, how: signal.Signals) -> None:
    with serving("--data", str(tmp_path / "data")) as (process, url):
        answer = httpx.post(f"{url}/api/v1/lineage", json=run_event())
        assert answer.status_code == 201
        assert httpx.get(f"{url}/readyz").status_code == 200

        process.send_signal(how)
        assert process.wait(10) == 0

    assert main(["journal", "tail", "--data", str(tmp_path / "data")]) == 0


def test_serve_refuses_to_listen_beyond_loopback_without_a_key(tmp_path: Path) -> None:
    ended = andon("serve", "--data", str(tmp_path), "--host", "0.0.0.0", "--port", "0")

    assert ended.returncode == 1
    assert "andon keys add" in ended.stderr and "Traceback" not in ended.stderr


def test_a_wrong_setting_ends_with_status_2_and_names_it() -> None:
    ended = andon("serve", "--port", "many")

    assert (ended.returncode, ended.stderr) == (2, "andon: --port: expected a whole number, found 'many'\n")


def test_a_port_that_is_taken_ends_with_one_line(tmp_path: Path) -> None:
    with serving("--data", str(tmp_path / "one")) as (_, url):
        ended = andon("serve", "--data", str(tmp_path / "two"), "--port", url.rpartition(":")[2])

    assert ended.returncode == 1
    assert ended.stderr.startswith("andon: cannot listen on 127.0.0.1:")


def test_help_names_every_command_and_every_setting() -> None:
    general, serve = andon("--help").stdout, andon("serve", "--help").stdout

    assert all(command in general for command in ("serve", "demo", "keys", "journal", "rebuild", "backup", "restore"))
    assert all((f"  {flag(row.name)} " in serve) != row.metadata["secret"] for row in ROWS)


def test_keys_are_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path)]
    assert main(["keys", "add", "airflow", "--scope", "emit,read", *data]) == 0
    key = capsys.readouterr().out.strip()
    assert main(["keys", "revoke", "airflow", *data]) == 0
    assert main(["keys", "list", *data]) == 0

    listed = capsys.readouterr().out
    assert key.startswith("andon_") and key.split("_", 2)[2] not in listed
    assert "airflow\temit,read\t" in listed and "revoked 2" in listed
    assert main(["keys", "revoke", "airflow", *data]) == 1
    assert main(["keys", "add", "x", "--scope", "root", *data]) == 2


def test_a_key_opens_a_running_service(tmp_path: Path) -> None:
    with serving("--data", str(tmp_path)) as (_, url):
        assert httpx.get(f"{url}/metrics").status_code == 200
        key = andon("keys", "add", "viewer", "--scope", "read", "--data", str(tmp_path)).stdout.strip()
        deadline = time.monotonic() + 10
        while httpx.get(f"{url}/metrics").status_code != 401:
            assert time.monotonic() < deadline, "the service did not notice the new key"
        assert httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_folder_without_a_journal_is_told_so_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "tail", "--data", str(tmp_path / "typo")]) == 1
    assert "there is no journal in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_journal_is_shown_folded_anew_and_what_was_refused_is_offered_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path)]
    body = json.dumps(run_event()).encode()
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.add_dead_letter("openlineage", "the network was on fire", "", body)
    journal.add_dead_letter("openlineage", "not JSON", "", b"{")
    journal.close()

    assert main(["journal", "dead-letters", "list", *data]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [2, 1]
    assert main(["journal", "dead-letters", "replay", *data]) == 1
    assert "1: taken at position 1" in capsys.readouterr().out
    assert main(["journal", "dead-letters", "list", *data]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [2]
    assert main(["journal", "dead-letters", "replay", "99", *data]) == 1
    capsys.readouterr()
    assert main(["journal", "tail", *data]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["body"] == run_event()
    assert main(["rebuild", *data]) == 0
    assert "folded 1 envelopes" in capsys.readouterr().out
