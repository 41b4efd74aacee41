"""From files to PostgreSQL and back: the identical graph, position for position, and the identical journal."""

from pathlib import Path

import pytest

from api.cli import main
from tests.durability.estate import EVENTS
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import Service
from tests.servers.postgres import PostgresServer


def andon(*arguments: str) -> None:
    assert main(arguments) == 0


def test_an_installation_moves_to_postgresql_and_back(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_database()
    here, back = ["--data", str(tmp_path / "here")], ["--data", str(tmp_path / "back")]
    files = [str(tmp_path / name) for name in ("there.ndjson.gz", "back.parquet", "there-again.ndjson.gz")]
    with Service(tmp_path / "here") as service:
        assert service.post(b"{").status_code == 400
        last = service.accept_all(EVENTS)
        before = everything(service, last, with_evidence=True)
    andon("journal", "export", files[0], *here)

    with monkeypatch.context() as server:
        server.setenv("ANDON_POSTGRES_URL", url)
        for _ in range(2):
            andon("journal", "import", files[0])
        andon("rebuild")
        with Service(tmp_path / "there", environment={"ANDON_POSTGRES_URL": url}) as moved:
            assert differing(everything(moved, last, with_evidence=True), before) == {}
            assert moved.accept(EVENTS[3]) == 4
            andon("rebuild")  # beside the graph that the service folds into and reads
            assert differing(everything(moved, last, with_evidence=True), before) == {}
        andon("journal", "export", files[1])
        assert main(["backup", str(tmp_path / "backup")]) == 1

    andon("journal", "import", files[1], *back)
    with Service(tmp_path / "back") as moved:
        assert differing(everything(moved, last, with_evidence=True), before) == {}
    andon("journal", "export", files[2], *back)
    assert Path(files[2]).read_bytes() == Path(files[0]).read_bytes()
