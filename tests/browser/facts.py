"""What connectors and people say of a small estate: a model with a version, policies, a cost, a term, a person, and a
type of one's own. Posted to a running service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from tests.browser.browsing import FCT_ORDERS, WAREHOUSE
from tests.end_to_end.graph_reading import urn_of
from tests.end_to_end.service import Service

SAID_AT = "2026-01-05T08:00:00Z"
STG_ORDERS = urn_of("dataset", WAREHOUSE, "analytics.staging.stg_orders")
MODEL = urn_of("model", "mlflow://kanban-shop", "churn")
VERSION = urn_of("modelversion", "mlflow://kanban-shop", "churn/3")
POLICY = urn_of("policy", "governance", "retention.orders")
COST = urn_of("costitem", "aws", "2026-01/warehouse")
TERM = urn_of("glossaryterm", "glossary", "net revenue")
JANE = urn_of("person", "people", "jane.doe")
HOSTILE = urn_of("policy", "governance", '<img src=x onerror="alert(1)">')
SHIPMENT = urn_of("shipment", "dock", "S-42")
ARCHIVED = tuple(urn_of("dataset", WAREHOUSE, f"analytics.archive.orders_{year}") for year in range(2010, 2024))

SHIPPING = """
@prefix andon: <https://andon.dev/ns#> .
@prefix my: <https://example.com/shipping#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://example.com/shipping> a owl:Ontology ; owl:versionInfo "3" .
my:Shipment a owl:Class ; rdfs:label "Shipment"@en ; skos:definition "Goods on their way to a customer."@en ;
  rdfs:subClassOf andon:Entity ; andon:keyClass true ; andon:kind "shipment" ;
  andon:colour "#8a5bd6" ; andon:icon "truck-delivery" .
my:ExpressShipment a owl:Class ; rdfs:label "Express shipment"@en ; skos:definition "Goods in a hurry."@en ;
  rdfs:subClassOf my:Shipment .
my:weight a owl:DatatypeProperty, owl:FunctionalProperty ; rdfs:label "weight"@en ; skos:definition "In kilograms."@en ;
  rdfs:domain my:Shipment ; rdfs:range xsd:decimal .
my:carries a owl:ObjectProperty ; rdfs:label "carries"@en ; skos:definition "What the shipment is about."@en ;
  rdfs:domain my:Shipment ; rdfs:range andon:Entity ; owl:inverseOf my:carriedBy .
my:carriedBy a owl:ObjectProperty ; rdfs:label "carried by"@en .
"""
"""Own types whose icon is not among those of the shipped ones."""


def entity(type: str, urn: str, **said: Any) -> dict[str, Any]:
    """What is said of the entity with this urn, as a facts document has it."""
    *_, namespace, name = urn.split(":")
    return {"type": type, "namespace": unquote(namespace), "name": unquote(name), **said}


ESTATE: Sequence[Mapping[str, Any]] = (
    entity("Table", FCT_ORDERS, description="One row an order.", relations={"definedBy": [TERM]}),
    entity("View", STG_ORDERS),
    *(entity("Table", urn) for urn in ARCHIVED),
    entity("Model", MODEL, attributes={"modelTask": "classification"}),
    entity(
        "ModelVersion",
        VERSION,
        description="Retrained in January, with the returns of the holidays.",
        tags=["candidate", {"key": "tier", "value": "gold"}],
        owners=[{"name": "jane.doe", "type": "steward"}],
        attributes={
            "stage": "Production",
            "algorithm": "gradient boosting",
            "artifactUrl": "s3://kanban-models/churn/3",
            "metrics": json.dumps({"auc": 0.931, "recall": 0.82}),
            "versionAlias": ["champion", "january"],
        },
        relations={
            "versionOf": [MODEL],
            "trainedOn": [FCT_ORDERS],
            "inDomain": [{"type": "Domain", "namespace": "governance", "name": "sales"}],
        },
    ),
    entity(
        "RetentionPolicy",
        POLICY,
        description="Orders are kept for three years, then deleted.",
        attributes={
            "retentionPeriod": "P3Y",
            "effectiveFrom": "2026-01-01T00:00:00Z",
            "landingPage": "https://example.com/policies/retention-orders",
        },
        relations={"governs": [FCT_ORDERS, STG_ORDERS, *ARCHIVED]},
    ),
    entity(
        "CostItem",
        COST,
        attributes={
            "billedCost": 1234.5,
            "effectiveCost": 1180.0042,
            "billingCurrency": "EUR",
            "chargePeriodStart": "2026-01-01T00:00:00Z",
            "chargePeriodEnd": "2026-02-01T00:00:00Z",
            "chargeCategory": "Usage",
            "serviceName": "Snowflake",
        },
        relations={"chargedTo": [FCT_ORDERS]},
    ),
    entity(
        "GlossaryTerm",
        TERM,
        attributes={"definition": "Revenue without returns and discounts.", "altLabel": ["net sales", "turnover"]},
    ),
    entity("Person", JANE, attributes={"email": "jane.doe@example.com", "displayName": "Jane Doe"}),
    entity(
        "Policy",
        HOSTILE,
        description="<script>alert(1)</script>",
        attributes={"landingPage": "javascript:alert(1)"},
    ),
)

EXPRESS = entity("ExpressShipment", SHIPMENT, attributes={"weight": 12.5}, relations={"carries": [FCT_ORDERS]})


def tell(service: Service, entities: Sequence[Mapping[str, Any]], id: str, at: str = SAID_AT) -> int:
    """Post one document of facts and wait until it can be read; returns its position."""
    body = {"id": id, "source": "browser-tests", "at": at, "entities": entities}
    answer = service.post(json.dumps(body).encode(), path="/api/v1/facts")
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
    position = int(answer.headers["Andon-Position"])
    service.graphql("{ status { positionProjected } }", min_position=position)
    return position


def teach(service: Service, name: str, turtle: str) -> None:
    """Add a file of own types to the ontology in force."""
    headers = {"Content-Type": "text/turtle", "X-Andon-Csrf": "1"}
    answer = service.post(turtle.encode(), headers, path=f"/api/v1/ontology/{name}")
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
