"""A failure starts a run of a real Airflow, and that run's own OpenLineage events close the loop in the graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rules.actions.airflow import Airflows
from rules.actions.delivery import Delivered
from rules.actions.outbound import Outbound
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.service import Service, wait_until
from tests.rules.estate import T0
from tests.rules.ordering import intended
from tests.servers.airflow import AirflowServer
from tests.servers.groups import Missing

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]
SHOP = "postgres://shop"
REPAIR = """
from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.sdk import DAG, task

with DAG("repair", schedule=None):

    @task(outlets=[Dataset(namespace="postgres://shop", name="orders")])
    def mend(dag_run):
        assert dag_run.conf == {"tables": ["orders"], "why": "load failed"}, dag_run.conf

    mend()
"""
ACT = """\
rule: failed-load-is-repaired
version: 1
on: {change: run.failed}
when: job.name == 'load'
do:
  - airflow:
      url: "${ANDON_AIRFLOW}"
      dag: repair
      conf: {tables: "{{ ['orders'] }}", why: "{{ hit.name }} failed"}
      user: admin
      password: "${ANDON_AIRFLOW_PASSWORD}"
      wait: 10m
limits: {max_age: 3650d}
"""
THANK = """\
rule: repaired-is-noted
version: 1
on: {change: run.completed}
when: job.name == 'repair.mend'
do: [{tag: {key: repaired, value: "{{ job.namespace }}"}}]
"""
STARTED = """query($firing: String!) { entity(urn: $firing) {
  ... on FiringEntity { started { urn executes { name } } } } }"""
STARTED_BY = """query($run: String!) { entity(urn: $run) {
  ... on Run { state startedBy { urn } outputs { name } } } }"""


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[AirflowServer]:
    (tmp_path / "airflow").mkdir()
    try:
        yield AirflowServer(tmp_path / "airflow", {"repair.py": REPAIR})
    except Missing as why:
        pytest.skip(f"no Airflow: {why}")


def test_a_failure_starts_a_dag_run_whose_own_events_name_the_firing(airflow: AirflowServer, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "act.yaml").write_text(ACT)
    (tmp_path / "rules" / "thank.yaml").write_text(THANK)
    host = airflow.url.removeprefix("http://")
    known = {"ANDON_AIRFLOW": airflow.url, "ANDON_AIRFLOW_PASSWORD": airflow.password}
    arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", host
    with Service(tmp_path / "data", *arguments, environment=known) as service, airflow.start(service.url):

        def firings() -> dict[str, dict[str, Any]]:
            asked = "{ firings { urn rule cause reason actions { key state attempts lastError result } } }"
            return {it["rule"]: it for it in service.graphql(asked)["firings"]}

        def is_settled() -> bool:
            return {it["state"] for firing in firings().values() for it in firing["actions"]} == {"delivered"}

        service.accept(run_event(SHOP, "load", new_run_id(), "FAIL", outputs=["orders"]))
        wait_until(lambda: len(firings()) == 2 and is_settled(), 180, "the run has ended, and that is known")

        fired, noted = firings()["failed-load-is-repaired"], firings()["repaired-is-noted"]
        [action] = fired["actions"]
        [run] = airflow.ask("/dags/repair/dagRuns")["dag_runs"]
        assert action["result"] == {"dag": "repair", "run": run["dag_run_id"], "state": "success"}
        assert (action["attempts"], action["lastError"], run["state"]) == (1, None, "success")
        assert run["dag_run_id"] == f"andon__{fired['urn'].rpartition(':')[2]}__{action['key']}"
        assert noted["cause"] == fired["urn"]  # the chain goes through Airflow

        started = service.graphql(STARTED, {"firing": fired["urn"]}, service.position())["entity"]["started"]
        jobs = {it["executes"]["name"]: it for it in started}
        assert set(jobs) == {"repair", "repair.mend"}
        mended = service.graphql(STARTED_BY, {"run": jobs["repair.mend"]["urn"]})["entity"]
        assert mended == {"state": "COMPLETE", "startedBy": {"urn": fired["urn"]}, "outputs": [{"name": "orders"}]}

        # What a crash between starting it and writing that down leaves to be done again.
        again = intended(ACT.split("do:\n")[1].split("      wait")[0], known)
        carrier = Airflows(known, Outbound(frozenset({host}), timeout=30))
        first, second = carrier.deliver(again, T0), carrier.deliver(again, T0)
        assert isinstance(first, Delivered) and isinstance(second, Delivered)
        assert airflow.ask("/dags/repair/dagRuns")["total_entries"] == 2
