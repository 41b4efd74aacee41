"""A tag that arrives by propagation leads to a column privilege taken in a real PostgreSQL; on either stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from graph.model import make_urn
from tests.end_to_end.events import dataset_event, facet, new_run_id, run_event
from tests.end_to_end.service import Service, wait_until
from tests.servers.postgres import PostgresServer

PLACE = "postgres://warehouse"
PROPAGATION = "propagate: personal\nversion: 1\ntags: [pii]\n"
RULE = """\
rule: personal-data-revoked
version: 1
on: {change: tag.reached, type: Column}
when: "'pii' in change.tags"
do:
  - protect:
      namespace: postgres://warehouse
      database: "${ANDON_TEST_WAREHOUSE}"
      revoke: {privileges: [SELECT], from: [reader]}
limits: {max_age: 3650d}
"""
TABLES = """
DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO reader;
CREATE TABLE crm.mailing (address text, sent date);
INSERT INTO crm.mailing VALUES ('ana@example.com', '2026-01-01');
GRANT SELECT ON crm.mailing TO reader;
"""
FIRINGS = "{ firings { rule subject verdict reason evidence actions { kind target state } } }"
TAGS = """query($urn: String!) { entity(urn: $urn) {
  tags { key said source derived { propagation origin path hops } } } }"""


def read_as(url: str, role: str, column: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute(f'SET ROLE "{role}"')  # type: ignore[arg-type]
        return connection.execute(f'SELECT "{column}" FROM crm.mailing').fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize("stack", ["embedded", "server"])
def test_a_tag_that_arrives_takes_a_privilege_and_its_way_is_shown(
    tmp_path: Path, postgres: PostgresServer, stack: str
) -> None:
    warehouse = postgres.new_database()
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(TABLES)
    address = urlsplit(warehouse)
    people, mailing = (f"{address.path[1:]}.crm.{it}" for it in ("people", "mailing"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "personal.yaml").write_text(PROPAGATION)
    (tmp_path / "rules" / "revoke.yaml").write_text(RULE)
    arguments = ["--rules", str(tmp_path / "rules"), "--webhook-hosts", f"{address.hostname}:{address.port}"]
    environment = {"ANDON_TEST_WAREHOUSE": warehouse}
    environment |= {"ANDON_POSTGRES_URL": postgres.new_database()} if stack == "server" else {}
    source = {"namespace": PLACE, "name": people, "field": "email"}
    lineage = facet("columnLineage", fields={"address": {"inputFields": [source]}})
    assert read_as(warehouse, "reader", "address") == [("ana@example.com",)]

    with Service(tmp_path / "data", *arguments, environment=environment) as service:
        run = run_event(PLACE, "mail", new_run_id(), inputs=[people])
        service.accept(run | {"outputs": [{"namespace": PLACE, "name": mailing, "facets": {"columnLineage": lineage}}]})
        service.accept(dataset_event(PLACE, people, 1, tags=facet("tags", tags=[{"key": "pii", "field": "email"}])))
        urn = make_urn("column", PLACE, mailing, "address")

        def state() -> list[Any]:
            return [it["actions"] for it in service.graphql(FIRINGS)["firings"]]

        wait_until(lambda: [[{"kind": "protect", "target": urn, "state": "delivered"}]] == state(), 20, "it is taken")
        [firing] = service.graphql(FIRINGS)["firings"]
        tags = service.graphql(TAGS, {"urn": urn})["entity"]["tags"]

    assert firing["evidence"] == [2, 4]  # the edge, and what followed from the tag at 3; the rule itself is at 1
    email = make_urn("column", PLACE, people, "email")
    assert tags == [
        {
            "key": "pii", "said": False, "source": "propagation:personal",
            "derived": [{"propagation": "personal", "origin": email, "path": [email], "hops": 1}],
        }
    ]  # fmt: skip
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read_as(warehouse, "reader", "address")
    assert len(read_as(warehouse, "reader", "sent")) == 1
