"""The declarative action, as the example writes it, runs a deployment of a real Prefect, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rules.actions.delivery import Underway
from rules.actions.http_action import Requests
from rules.actions.outbound import Outbound
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.service import Service, wait_until
from tests.rules.estate import T0
from tests.rules.ordering import intended
from tests.servers.groups import Missing
from tests.servers.prefect import PrefectServer

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]
EXAMPLE = (Path(__file__).parents[2] / "examples" / "rules" / "actions" / "prefect.yaml").read_text()
FLOWS = """
from prefect import flow

@flow
def repair(job: str) -> str:
    assert job in ("load", "sales"), job
    return job

if __name__ == "__main__":
    repair.serve(name="on-failure")
"""


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[PrefectServer]:
    (tmp_path / "prefect").mkdir()
    try:
        server = PrefectServer(tmp_path / "prefect", FLOWS)
        with server:
            yield server
    except Missing as why:
        pytest.skip(f"no Prefect: {why}")


def test_a_failure_runs_a_deployment_and_its_end_is_known(prefect: PrefectServer, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "prefect.yaml").write_text(
        EXAMPLE.replace("every: 10s", "every: 1s") + "limits: {max_age: 3650d}\n"
    )
    known = {
        "ANDON_PREFECT": prefect.url,
        "ANDON_PREFECT_DEPLOYMENT": prefect.deployment("repair/on-failure"),
        "ANDON_PREFECT_KEY": "not-asked-for-here",
    }
    host = prefect.url.removeprefix("http://").removesuffix("/api")
    arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", host
    with Service(tmp_path / "data", *arguments, environment=known) as service:

        def actions() -> list[dict[str, Any]]:
            asked = "{ firings { actions { key state attempts lastError result } } }"
            return [action for it in service.graphql(asked)["firings"] for action in it["actions"]]

        service.accept(run_event("postgres://shop", "load", new_run_id(), "FAIL"))
        wait_until(lambda: [it["state"] for it in actions()] == ["delivered"], 120, "the run has ended")

        [action], [run] = actions(), prefect.runs()
        assert action["result"] == {"flow_run": run["id"], "state": "COMPLETED"}
        assert (action["attempts"], action["lastError"]) == (1, None)
        assert (run["idempotency_key"], run["parameters"]) == (action["key"], {"job": "load"})

    # What a crash between starting it and writing that down leaves to be done again.
    again = intended(EXAMPLE.split("do:\n")[1], known)
    carrier = Requests(known, Outbound(frozenset({host}), timeout=30))
    begun = [carrier.deliver(replace(again), T0) for _ in range(2)]
    assert isinstance(begun[0], Underway)
    assert begun[1] == begun[0]
    assert len(prefect.runs()) == 2
