"""What no event tells of Kanban Coffee: words, products, domains, services, machines, promises, people and troubles.

`documents` gives it as facts, in the form of docs/facts.md. Beside what holds all week, some things change: clicks were
late for a day, the day before yesterday finance agreed that net revenue is without returns, and today someone works on
the fees that came with a currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.shop.datasets import DATASETS, FINANCE, GROWTH, MODELS, PLATFORM, SUPPLY, WAREHOUSE
from examples.shop.declare import Dataset, Owner
from examples.shop.jobs import CLICK_STREAM, DASHBOARD_JOBS, JOBS

HOUSE = "kanban.coffee"
"""The namespace of what the business names."""

CLOUD = "cloud.example"
"""The namespace of what is rented."""

Entity = dict[str, Any]
Document = dict[str, Any]

WAREHOUSE_ID = "snowflake://kanban-shop/warehouses/TRANSFORM_WH"
CLUSTER_ID = "arn:example:emr:eu-west-1:210987654321:cluster/lake"
BUCKET_ID = "arn:example:s3:::kanban-lake"
STREAM_ID = "arn:example:flink:eu-west-1:210987654321:application/click-stream"

_DOMAINS = {
    "sales": ("What customers order, pay and return.", FINANCE),
    "customers": ("Who they are, what they are worth, whether they stay.", GROWTH),
    "marketing": ("How they come to us.", GROWTH),
    "supply": ("What to buy, to roast and to send.", SUPPLY),
    "platform": ("What all others stand on.", PLATFORM),
}
_IN_DOMAIN = {
    "sales": "orders order_items payments refunds settlement_files stg_orders stg_order_items stg_payments"
    " stg_settlements fct_orders fct_payments mart_revenue_daily revenue_overview",
    "customers": "customers subscriptions stg_customers stg_subscriptions dim_customers mart_customer_ltv"
    " churn_features churn_scores churn_predictor customer_growth",
    "marketing": "ad_spend_files clicks page_views lake_clicks lake_sessions stg_sessions stg_ad_spend fct_sessions"
    " mart_marketing_roi",
    "supply": "products inventory purchase_orders roast_batches shipments tracking_files bean_price_files stg_products"
    " stg_deliveries dim_products mart_stock_cover demand_features demand_forecast_daily demand_forecast"
    " stock_and_roasting",
}
_TERMS = {
    "order": ("What a customer has bought and not taken back within an hour.", ["purchase"], None),
    "revenue": ("What customers paid for orders, with discounts taken off and without tax.", ["turnover"], None),
    "net revenue": ("Revenue without the fees of payment providers.", [], "revenue"),
    "margin": ("Revenue without what the goods cost.", ["gross margin"], "revenue"),
    "customer lifetime value": ("Net revenue of a customer since the first order.", ["LTV", "CLV"], "net revenue"),
    "active subscriber": ("A customer whose subscription has not been cancelled.", [], None),
    "churn": ("The loss of active subscribers within a month.", ["attrition"], "active subscriber"),
    "stock cover": ("For how many days what is on hand will do.", [], None),
}
_DEFINED = (
    ("fct_orders", "", "order"), ("fct_orders", "revenue_eur", "revenue"), ("fct_orders", "margin_eur", "margin"),
    ("fct_payments", "net_eur", "net revenue"), ("mart_revenue_daily", "revenue_eur", "revenue"),
    ("mart_revenue_daily", "margin_eur", "margin"), ("mart_customer_ltv", "net_eur", "customer lifetime value"),
    ("mart_customer_ltv", "", "customer lifetime value"), ("dim_customers", "is_subscriber", "active subscriber"),
    ("churn_scores", "risk", "churn"), ("churn_predictor", "", "churn"), ("mart_stock_cover", "", "stock cover"),
)  # fmt: skip
_PRODUCTS = {
    "customer-360": (
        "All that is known of a customer, ready for analysts.", GROWTH, "customers",
        ("dim_customers", "mart_customer_ltv", "churn_scores"), ("customers", "subscriptions", "orders"),
    ),
    "daily-revenue": (
        "Revenue, margin and cash of each day, agreed with finance.", FINANCE, "sales",
        ("mart_revenue_daily", "revenue_overview"), ("orders", "payments", "settlement_files"),
    ),
    "stock-planning": (
        "What to buy and to roast.", SUPPLY, "supply",
        ("mart_stock_cover", "demand_forecast_daily"), ("inventory", "purchase_orders", "bean_price_files"),
    ),
}  # fmt: skip
_SERVICES = {
    "orders-api": ("Service", "Takes the shop's orders.", PLATFORM, ("orders", "order_items")),
    "click-collector": ("Service", "Takes what browsers tell of clicks.", PLATFORM, ("clicks",)),
    "churn-api": ("ModelEndpoint", "Says who is about to cancel.", GROWTH, ("churn_predictor", "churn_scores")),
    "shop-gateway": ("Gateway", "Where all requests come in.", PLATFORM, ()),
}
_FEE = {"type": "Column", "namespace": WAREHOUSE, "name": DATASETS["stg_settlements"].name, "path": "fee"}
_PEOPLE = {"maria.silva": "finance", "jonas.berg": "growth", "aiko.tanaka": "supply", "priya.nair": "data-platform"}


def documents(latest_batch: datetime) -> list[Document]:
    """The facts of a week that ends with that batch, oldest first."""
    begin, agreed = latest_batch - timedelta(days=6, hours=1), latest_batch - timedelta(days=2)
    late, back = latest_batch - timedelta(days=4) + timedelta(hours=3), latest_batch - timedelta(days=3, hours=-4)
    measured, noticed = agreed + timedelta(minutes=80), latest_batch + timedelta(minutes=95)
    return [
        _document("estate", begin, [*_words(), *_business(), *_machines(), *_promises(), *_people(),
                                    _fee_check("pass", begin)]),
        _document("clicks-late", late, [_late_clicks(late)]),
        _document("clicks-back", back, [_late_clicks(late, back)]),
        _document("net-revenue", agreed, [_term("net revenue", "Revenue without returns and without the fees of"
                                                " payment providers.", [], "revenue")]),
        _document("revenue-fresh", measured, [_freshness("1.2", measured)]),
        _document("fees", noticed, [*_wrong_fees(noticed), _freshness("25.4", noticed)]),
    ]  # fmt: skip


def _document(id: str, at: datetime, entities: Iterable[Entity]) -> Document:
    text = _text(at)
    return {"id": f"{id}@{text}", "source": "kanban-catalogue", "at": text, "entities": list(entities)}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _entity(type: str, name: str, namespace: str = HOUSE, **said: Any) -> Entity:
    return {"type": type, "namespace": namespace, "name": name} | {key: it for key, it in said.items() if it}


def _of(dataset: Dataset, **said: Any) -> Entity:
    """What is said, by the name that it had when the week began, of something that events tell of too."""
    type = {"MODEL": "Model", "DASHBOARD": "Dashboard"}.get(dataset.kind, "Dataset")
    return _entity(type, dataset.former_name or dataset.name, dataset.namespace, **said)


def _owners(*owners: Owner) -> list[Entity]:
    return [{"name": owner.name, "type": owner.role} for owner in owners]


def _words() -> Iterator[Entity]:
    """The glossary, and what its terms define."""
    yield _entity("Glossary", "coffee", description="The words of Kanban Coffee.", owners=_owners(FINANCE))
    for name, (definition, others, broader) in _TERMS.items():
        yield _term(name, definition, others, broader)
    for key, column, term in _DEFINED:
        relations = {"definedBy": [_entity("GlossaryTerm", term)]}
        dataset = DATASETS[key]
        if column:
            yield _entity("Column", dataset.name, dataset.namespace, path=column, relations=relations)
        else:
            yield _of(dataset, relations=relations)


def _term(name: str, definition: str, others: list[str], broader: str | None) -> Entity:
    relations: dict[str, list[Entity]] = {"inGlossary": [_entity("Glossary", "coffee")]}
    relations |= {"broader": [_entity("GlossaryTerm", broader)]} if broader else {}
    attributes = {"definition": definition} | ({"altLabel": others} if others else {})
    return _entity("GlossaryTerm", name, attributes=attributes, relations=relations)


def _business() -> Iterator[Entity]:
    """Domains, data products and the process that they serve."""
    for name, (description, owner) in _DOMAINS.items():
        yield _entity("Domain", name, description=description, owners=_owners(owner))
    for domain, keys in _IN_DOMAIN.items():
        for key in keys.split():
            yield _of(DATASETS[key], relations={"inDomain": [_entity("Domain", domain)]})
    for name, (description, owner, domain, ports, sources) in _PRODUCTS.items():
        relations = {
            "inDomain": [_entity("Domain", domain)],
            "outputPort": [_of(DATASETS[key]) for key in ports],
            "inputPort": [_of(DATASETS[key]) for key in sources],
        }
        yield _entity(
            "DataProduct", name, description=description, owners=_owners(owner), relations=relations,
            attributes={"productPurpose": description, "status": "active"},
        )  # fmt: skip
        for key in ports:
            yield _of(DATASETS[key], relations={"partOfProduct": [_entity("DataProduct", name)]})
    yield _entity("BusinessProcess", "order to cash", description="From a full cart to money in the bank.")
    for key in ("orders", "payments", "shipments", "fct_payments"):
        yield _of(DATASETS[key], relations={"partOfProcess": [_entity("BusinessProcess", "order to cash")]})


def _machines() -> Iterator[Entity]:
    """Services, what they run on, and under which number it is paid for."""
    production = _entity("Environment", "production")
    yield production | {"description": "What customers and colleagues use."}
    for name, (type, description, owner, keys) in _SERVICES.items():
        relations = {"inEnvironment": [production]}
        if type == "Gateway":
            relations["routesTo"] = [_entity("Service", it, CLOUD) for it in ("orders-api", "click-collector")]
        yield _entity(type, name, CLOUD, description=description, owners=_owners(owner), relations=relations,
                      attributes={"endpointUrl": f"https://{name}.kanban.coffee/"})  # fmt: skip
        for key in keys:
            yield _of(DATASETS[key], relations={"servedBy": [_entity("Service", name, CLOUD)]})
    for type, name, id in (
        ("Warehouse", "TRANSFORM_WH", WAREHOUSE_ID),
        ("Cluster", "emr-lake", CLUSTER_ID),
        ("Bucket", "kanban-lake", BUCKET_ID),
    ):
        account = {"type": "Account", "namespace": "focus", "name": "210987654321"}
        yield _entity(type, name, CLOUD, attributes={"resourceId": id}, relations={"inAccount": [account]})
    for job in JOBS:
        machine = {"dbt": "TRANSFORM_WH", "spark": "emr-lake"}.get(job.tool.namespace.partition(":")[0])
        if machine is not None:
            runs_on = {"runsOn": [_entity("Resource", machine, CLOUD)]}
            yield _entity("Job", job.name, job.tool.namespace, relations=runs_on)
    yield _entity("Job", CLICK_STREAM.name, CLICK_STREAM.tool.namespace, attributes={"resourceId": STREAM_ID})
    for dataset in DATASETS.values():
        if dataset.namespace == "s3://kanban-lake":
            yield _of(dataset, attributes={"resourceId": BUCKET_ID})
    for name, kind in (("kanban-shop", "Database"), ("shop-ml", "System"), ("looker", "System")):
        yield _entity(kind, name, CLOUD)
    yield _entity("Table", "analytics.tmp.prices_2024", WAREHOUSE, attributes={"rowCount": 48211})  # nobody's
    for schema in ("staging", "marts", "features", "predictions"):
        within = _entity("DatabaseSchema", f"analytics.{schema}", WAREHOUSE)
        yield within | {"relations": {"inSystem": [_entity("Database", "kanban-shop", CLOUD)]}}
        for dataset in DATASETS.values():
            if dataset.namespace == WAREHOUSE and dataset.name.startswith(f"analytics.{schema}."):
                yield _of(dataset, relations={"inSchema": [within]})
    for dataset in DATASETS.values():
        if dataset.namespace == MODELS:
            task = "classification" if "churn" in dataset.name else "forecasting"
            registry = {"inSystem": [_entity("System", "shop-ml", CLOUD)]}
            yield _of(dataset, relations=registry, attributes={"modelTask": task})


def _promises() -> Iterator[Entity]:
    """A contract with its service level, a budget, and how sensitive data is."""
    contract = _entity("Contract", "orders for analytics")
    yield contract | {
        "description": "Columns of orders change only with two weeks' notice.",
        "owners": _owners(PLATFORM),
        "attributes": {"contractVersion": "2.1", "status": "active"},
        "relations": {"promises": [_of(DATASETS["orders"]), _of(DATASETS["order_items"])]},
    }
    yield _entity(
        "ServiceLevelObjective", "revenue by seven", description="Yesterday's revenue is there at seven.",
        attributes={"objectiveMeasure": "freshness", "comparison": "at most", "target": 7, "targetUnit": "h",
                    "window": "P1D"},
        relations={"objectiveFor": [_of(DATASETS["mart_revenue_daily"])], "objectiveOf": [contract]},
    )  # fmt: skip
    yield _entity(
        "Budget", "warehouse 2026", owners=_owners(PLATFORM),
        attributes={"budgetAmount": 9000, "budgetCurrency": "EUR"},
        relations={"budgetFor": [_entity("Resource", "TRANSFORM_WH", CLOUD)]},
    )  # fmt: skip
    for dataset in DATASETS.values():
        for column in dataset.columns:
            attributes: dict[str, object] = {}
            if "pii" in column.tags:
                attributes = {"sensitivity": "restricted", "personalData": True}
            elif "confidential" in column.tags:
                attributes = {"sensitivity": "confidential"}
            if attributes:
                yield _entity("Column", dataset.name, dataset.namespace, path=column.name, attributes=attributes)


def _people() -> Iterator[Entity]:
    for name, team in _PEOPLE.items():
        mates = {"memberOf": [_entity("Team", team, "people")]}
        yield _entity("Person", name, "people", attributes={"email": f"{name}@kanban.coffee"}, relations=mates)
    for job in DASHBOARD_JOBS:
        for key in job.writes:
            for owner in DATASETS[key].owners:
                if "@" in owner.name:
                    used = {"uses": [_of(DATASETS[key])]}
                    yield _entity("Person", owner.name.partition("@")[0], "people", relations=used)


def _late_clicks(opened: datetime, closed: datetime | None = None) -> Entity:
    """An incident that was over after a day."""
    over = {} if closed is None else {"closedAt": _text(closed)}
    return _entity(
        "Incident", "INC-41", description="Clicks come hours late.",
        attributes={"status": "resolved" if closed else "open", "severity": "medium", "openedAt": _text(opened)} | over,
        relations={"raisedOn": [_of(DATASETS["clicks"])], "assignedTo": [_entity("Person", "priya.nair", "people")]},
    )  # fmt: skip


def _fee_check(outcome: str, at: datetime) -> Entity:
    return _entity(
        "Assertion", "stg_settlements_fee_is_decimal", description="Fees come with a decimal point and no currency.",
        attributes={"qualityDimension": "validity", "assertionType": "is_decimal", "lastOutcome": outcome,
                    "lastCheckedAt": _text(at)},
        relations={"asserts": [_FEE]},
    )  # fmt: skip


def _wrong_fees(noticed: datetime) -> Iterator[Entity]:
    """Why tonight's payments were not built, and who sees to it."""
    yield _fee_check("fail", noticed)
    finding = _entity("Finding", "fees with a currency")
    yield finding | {
        "description": "'1,35 EUR' where 1.35 was agreed.",
        "attributes": {"severity": "high", "openedAt": _text(noticed)},
        "relations": {"findingOn": [_FEE]},
    }
    yield _entity(
        "Incident", "INC-42", description="Yesterday's revenue is missing.",
        attributes={"status": "open", "severity": "high", "openedAt": _text(noticed)},
        relations={"raisedOn": [_of(DATASETS["fct_payments"]), _of(DATASETS["mart_revenue_daily"])],
                   "causedBy": [finding], "assignedTo": [_entity("Person", "maria.silva", "people")]},
    )  # fmt: skip


def _freshness(hours: str, at: datetime) -> Entity:
    """How old the newest revenue is, against the objective `revenue by seven`."""
    return _entity(
        "Measurement", "freshness of mart_revenue_daily",
        attributes={"measure": "freshness", "measuredValue": hours, "measureUnit": "h", "measuredAt": _text(at)},
        relations={"measurementOf": [_of(DATASETS["mart_revenue_daily"])]},
    )  # fmt: skip
