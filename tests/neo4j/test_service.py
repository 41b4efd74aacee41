"""`andon serve` with a Neo4j beside it: lineage comes from there, events are taken whether it is there or not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.serde import Serde

from examples.shop.history import history
from tests.end_to_end.service import Service, wait_until
from tests.neo4j.projected import connect
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.systems

SHOP = [json.loads(Serde.to_json(event)) for event in history(datetime(2026, 11, 23, 8, tzinfo=UTC))]
LINEAGE = """query($urn: String!, $level: LineageLevel!) { lineage(urns: [$urn], depth: 20, level: $level) {
    nodes { urn type name } hidden { urn up down } totalNodes position
    edges { source target via kind transformations validFrom lastConfirmedAt evidence evidenceCount } } }"""
DATASETS = '{ entities(type: "Dataset", first: 1000) { nodes { urn } } }'


def environment(server: Neo4jServer) -> dict[str, str]:
    return {
        "ANDON_NEO4J_URI": server.uri,
        "ANDON_NEO4J_USER": server.user,
        "ANDON_NEO4J_PASSWORD": server.password,
    }


@pytest.fixture
def service(neo4j: Neo4jServer, tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data", environment=environment(neo4j)) as service:
        yield service


def neo4j_position(server: Neo4jServer) -> int:
    connection = connect(server)
    try:
        with connection.reading() as ask:
            [[position]] = ask("MATCH (a:Andon) RETURN a.position")
            return int(position)
    finally:
        connection.close()


def everything(service: Service) -> dict[str, Any]:
    urns = [it["urn"] for it in service.graphql(DATASETS)["entities"]["nodes"]]
    answers = {}
    for urn in urns:
        for level in ("DATASET", "COLUMN"):
            answers[f"{level} {urn}"] = service.graphql(LINEAGE, {"urn": urn, "level": level})["lineage"]
    return answers


def metric(service: Service, name: str) -> float:
    lines = service.client.get("/metrics").text.splitlines()
    [value] = [line.split()[-1] for line in lines if line.split()[0] == name]
    return float(value)


def settle(service: Service, server: Neo4jServer) -> None:
    """Wait until Neo4j has all that the service was sent."""
    position = service.position()
    service.graphql("{ __typename }", min_position=position)
    wait_until(lambda: metric(service, "andon_neo4j_position") >= position, 60, "Neo4j to be there")
    assert neo4j_position(server) >= position


@pytest.mark.timeout(300)
def test_lineage_over_http_is_the_same_with_neo4j_and_without(
    service: Service, neo4j: Neo4jServer, tmp_path: Path
) -> None:
    with Service(tmp_path / "plain") as plain:
        plain.post_batch(SHOP)
        service.post_batch(SHOP)
        plain.graphql("{ __typename }", min_position=plain.position())
        settle(service, neo4j)
        assert everything(service) == everything(plain)
    assert metric(service, "andon_neo4j_walks_total") > 0


def test_a_caller_reads_its_own_writes_in_neo4j(service: Service, neo4j: Neo4jServer) -> None:
    service.accept_all(SHOP[:1])
    settle(service, neo4j)
    urn = _first_dataset(service)
    walks = metric(service, "andon_neo4j_walks_total")
    for event in SHOP[1:40]:
        position = service.accept(event)
        answered = service.graphql(LINEAGE, {"urn": urn, "level": "DATASET"}, min_position=position)
        assert answered["lineage"]["position"] >= position
    assert metric(service, "andon_neo4j_walks_total") > walks


def test_the_password_is_nowhere_to_be_seen(service: Service, neo4j: Neo4jServer, tmp_path: Path) -> None:
    service.accept_all(SHOP[:5])
    service.graphql("{ __typename }", min_position=service.position())
    seen = service.client.get("/metrics").text + service.client.get("/readyz").text
    seen += "".join(path.read_text() for path in tmp_path.glob("data.log/*"))
    assert neo4j.password not in seen


@pytest.mark.timeout(300)
def test_neo4j_may_go_and_come_back_under_load(service: Service, neo4j: Neo4jServer, tmp_path: Path) -> None:
    third = len(SHOP) // 3
    service.post_batch(SHOP[:third])
    settle(service, neo4j)
    stopping = threading.Thread(target=neo4j.stop)
    stopping.start()
    for event in SHOP[third : 2 * third]:
        service.accept_all([event])
        service.graphql(LINEAGE, {"urn": _first_dataset(service), "level": "DATASET"})
    stopping.join()
    service.graphql("{ __typename }", min_position=service.position())  # the fold state answers
    neo4j.start()
    service.post_batch(SHOP[2 * third :])
    position = service.position()
    wait_until(lambda: neo4j_position(neo4j) >= position, 60, "Neo4j to have the backlog")
    walks = metric(service, "andon_neo4j_walks_total")
    answered = everything(service)
    assert metric(service, "andon_neo4j_walks_total") > walks
    with Service(tmp_path / "plain") as plain:
        plain.post_batch(SHOP)
        plain.graphql("{ __typename }", min_position=plain.position())
        assert answered == everything(plain)


def _first_dataset(service: Service) -> str:
    return str(service.graphql(DATASETS)["entities"]["nodes"][0]["urn"])
