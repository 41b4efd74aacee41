"""The jobs of Kanban Coffee: what runs when, what it reads, and how it makes each column it writes."""

from __future__ import annotations

from examples.shop.datasets import AIKO, DATASETS, GROWTH, JONAS, PLATFORM, PRIYA, SUPPLY
from examples.shop.declare import Job, Select, Tool, keep

AIRFLOW = Tool(
    namespace="airflow://kanban-prod",
    name="Airflow",
    version="3.1.3",
    integration="AIRFLOW",
    producer="https://github.com/apache/airflow/tree/providers-openlineage/2.7.3",
    dialect="postgres",
)
DBT = Tool(
    namespace="dbt://kanban-shop",
    name="dbt",
    version="1.10.15",
    integration="DBT",
    producer="https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt",
    dialect="snowflake",
)
SPARK = Tool(
    namespace="spark://kanban-emr",
    name="spark",
    version="4.0.1",
    integration="SPARK",
    producer="https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/spark",
)
FLINK = Tool(
    namespace="flink://kanban-stream",
    name="flink",
    version="2.1.1",
    integration="FLINK",
    producer="https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/flink",
)
ML = Tool(
    namespace="ml://kanban-training",
    name="Python",
    version="3.13.9",
    integration="CUSTOM",
    producer="https://git.kanban.coffee/data/models",
)
LOOKER = Tool(
    namespace="looker://shop/definitions",
    name="Looker",
    version="25.18",
    integration="CUSTOM",
    producer="https://git.kanban.coffee/data/looker-lineage",
)


def _copy(source: str, into: str) -> Select:
    """A load into the raw layer: every column as it is, and the time."""
    names = " ".join(column.name for column in DATASETS[source].columns)
    return Select(into=into, source=source, columns={**keep(source, names), "_loaded_at": "current_timestamp"})


def _dag(name: str, description: str, at: int, minutes: float) -> Job:
    return Job(
        name=name,
        tool=AIRFLOW,
        kind="DAG",
        description=description,
        owners=(PLATFORM,),
        at=at,
        minutes=minutes,
    )


def _load(task: str, description: str, *selects: Select, at: int) -> Job:
    return Job(
        name=f"shop_ingest.{task}",
        tool=AIRFLOW,
        kind="TASK",
        description=description,
        owners=(PLATFORM,),
        at=at,
        parent="shop_ingest",
        selects=selects,
    )


INGEST = (
    _dag("shop_ingest", "Copies the shop's and the warehouse's databases and the partners' files.", 0, 18),
    _load(
        "load_orders",
        "Orders and their lines.",
        _copy("orders", "raw_orders"),
        _copy("order_items", "raw_order_items"),
        at=1,
    ),
    _load(
        "load_customers",
        "Customers and their subscriptions.",
        _copy("customers", "raw_customers"),
        _copy("subscriptions", "raw_subscriptions"),
        at=3,
    ),
    _load(
        "load_payments",
        "Payments and refunds.",
        _copy("payments", "raw_payments"),
        _copy("refunds", "raw_refunds"),
        at=5,
    ),
    _load("load_products", "The catalogue.", _copy("products", "raw_products"), at=7),
    _load(
        "load_stock",
        "Inventory, purchase orders, roast batches.",
        _copy("inventory", "raw_inventory"),
        _copy("purchase_orders", "raw_purchase_orders"),
        _copy("roast_batches", "raw_roast_batches"),
        at=9,
    ),
    _load(
        "load_shipments",
        "Shipments and the carriers' tracking files.",
        _copy("shipments", "raw_shipments"),
        _copy("tracking_files", "raw_tracking"),
        at=11,
    ),
    _load(
        "load_settlements",
        "The payment provider's report.",
        _copy("settlement_files", "raw_settlements"),
        at=13,
    ),
    _load(
        "load_market_files",
        "Ad spend and bean prices.",
        _copy("ad_spend_files", "raw_ad_spend"),
        _copy("bean_price_files", "raw_bean_prices"),
        at=15,
    ),
)

CLICK_STREAM = Job(
    name="click_stream.enrich",
    tool=FLINK,
    kind="JOB",
    description="Drops bots, finds the campaign, cuts addresses; writes a topic and the lake.",
    owners=(GROWTH, PRIYA),
    nights=(),
    selects=(
        Select(
            into="page_views",
            source="clicks",
            columns={
                **keep("clicks", "event_id visitor_id customer_id at"),
                "network": "mask_ip(clicks.ip_address)",
                "page": "url_path(clicks.url)",
                "campaign": "coalesce(url_param(clicks.url, 'utm_campaign'), clicks.referrer)",
            },
            where="clicks.event_type <> 'bot'",
        ),
        Select(
            into="lake_clicks",
            source="clicks",
            columns={
                **keep("clicks", "event_id visitor_id customer_id at"),
                "page": "url_path(clicks.url)",
                "campaign": "coalesce(url_param(clicks.url, 'utm_campaign'), clicks.referrer)",
            },
            where="clicks.event_type <> 'bot'",
        ),
    ),
)

LAKE_JOBS = (
    _dag("lake_daily", "Spark jobs over the lake.", 16, 12),
    Job(
        name="sessionize_clicks.execute_insert_into_hadoop_fs_relation_command.warehouse_sessions",
        tool=SPARK,
        kind="SQL_JOB",
        description="Groups clicks into visits.",
        owners=(PLATFORM,),
        at=17,
        minutes=4,
        parent="lake_daily",
        selects=(
            Select(
                into="lake_sessions",
                source="lake_clicks",
                columns={
                    "session_id": "concat(lake_clicks.visitor_id, '-', date_trunc('minute', lake_clicks.at))",
                    "visitor_id": "lake_clicks.visitor_id",
                    "customer_id": "max(lake_clicks.customer_id)",
                    "campaign": "min(lake_clicks.campaign)",
                    "pages": "count(lake_clicks.event_id)",
                    "started_at": "min(lake_clicks.at)",
                    "ended_at": "max(lake_clicks.at)",
                },
                group_by=("lake_clicks.visitor_id", "lake_clicks.at"),
            ),
        ),
    ),
    Job(
        name="product_affinity.execute_insert_into_hadoop_fs_relation_command.warehouse_product_affinity",
        tool=SPARK,
        kind="SQL_JOB",
        description="Counts which products are bought together.",
        owners=(PLATFORM,),
        at=18,
        minutes=5,
        parent="lake_daily",
        selects=(
            Select(
                into="lake_product_affinity",
                source="raw_order_items",
                columns={
                    "product_id": "raw_order_items.product_id",
                    "other_id": ("lag(raw_order_items.product_id) over (partition by raw_order_items.order_id)"),
                    "bought_both": "count(raw_order_items.order_id)",
                },
                group_by=("raw_order_items.product_id",),
            ),
        ),
    ),
    Job(
        name="publish_sessions.execute_save_into_data_source_command.raw_lake_sessions",
        tool=SPARK,
        kind="SQL_JOB",
        description="Copies visits into the warehouse.",
        owners=(PLATFORM,),
        at=23,
        minutes=3,
        parent="lake_daily",
        selects=(_copy("lake_sessions", "raw_sessions"),),
    ),
)


def _dbt(at: int, select: Select) -> Job:
    model = DATASETS[select.into]
    return Job(
        name=f"shop_marts.{model.key}",
        tool=DBT,
        kind="MODEL",
        description=model.description,
        owners=model.owners,
        at=at,
        minutes=0.5 if model.kind == "VIEW" else 3,
        parent="shop_marts",
        selects=(select,),
    )


STAGING_JOBS = (
    _dbt(
        31,
        Select(
            into="stg_orders",
            source="raw_orders",
            columns={
                **keep("raw_orders", "order_id customer_id status channel coupon discount_code"),
                "discount_eur": "round(raw_orders.discount_cents / 100, 2)",
                "total_eur": "round(raw_orders.total_cents / 100, 2)",
                "ordered_at": "raw_orders.created_at",
            },
            where="raw_orders.status not in ('cart', 'test')",
        ),
    ),
    _dbt(
        31,
        Select(
            into="stg_order_items",
            source="raw_order_items",
            columns={
                **keep("raw_order_items", "item_id order_id product_id quantity"),
                "unit_price_eur": "round(raw_order_items.unit_price_cents / 100, 2)",
            },
        ),
    ),
    _dbt(
        31,
        Select(
            into="stg_customers",
            source="raw_customers",
            columns={
                **keep("raw_customers", "customer_id country city marketing_optin"),
                "email_hash": "sha2(lower(raw_customers.email), 256)",
                "birth_year": "year(raw_customers.birth_date)",
                "signed_up_at": "raw_customers.created_at",
            },
        ),
    ),
    _dbt(
        32,
        Select(
            into="stg_payments",
            source="raw_payments",
            joins=("left join raw_refunds on raw_payments.payment_id = raw_refunds.payment_id",),
            columns={
                **keep("raw_payments", "payment_id order_id provider_ref paid_at"),
                "amount_eur": "max(raw_payments.amount_cents) / 100",
                "refunded_eur": "coalesce(sum(raw_refunds.amount_cents), 0) / 100",
            },
            where="raw_payments.status = 'captured'",
            group_by=(
                "raw_payments.payment_id",
                "raw_payments.order_id",
                "raw_payments.provider_ref",
                "raw_payments.paid_at",
            ),
        ),
    ),
    _dbt(
        32,
        Select(
            into="stg_settlements",
            source="raw_settlements",
            columns={
                **keep("raw_settlements", "provider_ref gross fee"),
                "payout_date": "to_date(raw_settlements.payout_date)",
            },
        ),
    ),
    _dbt(
        32,
        Select(
            into="stg_products",
            source="raw_products",
            columns={
                **keep("raw_products", "product_id sku category origin"),
                "product_name": "trim(raw_products.name)",
                "unit_cost_eur": "round(raw_products.unit_cost_cents / 100, 2)",
            },
        ),
    ),
    _dbt(
        33,
        Select(
            into="stg_subscriptions",
            source="raw_subscriptions",
            columns={
                **keep("raw_subscriptions", "customer_id plan cancelled_at"),
                "started_at": "max(raw_subscriptions.started_at)",
            },
            group_by=(
                "raw_subscriptions.customer_id",
                "raw_subscriptions.plan",
                "raw_subscriptions.cancelled_at",
            ),
        ),
    ),
    _dbt(
        33,
        Select(
            into="stg_deliveries",
            source="raw_shipments",
            joins=("left join raw_tracking on raw_shipments.tracking_no = raw_tracking.tracking_no",),
            columns={
                **keep("raw_shipments", "order_id carrier shipped_at"),
                "delivered_at": "try_to_timestamp(raw_tracking.delivered_at)",
            },
        ),
    ),
    _dbt(
        33,
        Select(
            into="stg_sessions",
            source="raw_sessions",
            columns={
                **keep("raw_sessions", "session_id customer_id campaign pages started_at"),
                "minutes": "datediff('second', raw_sessions.started_at, raw_sessions.ended_at) / 60",
            },
            where="raw_sessions.pages > 0",
        ),
    ),
    _dbt(
        34,
        Select(
            into="stg_ad_spend",
            source="raw_ad_spend",
            columns={
                **keep("raw_ad_spend", "campaign channel"),
                "day": "to_date(raw_ad_spend.day)",
                "spend_eur": "to_number(raw_ad_spend.spend, 12, 2)",
            },
        ),
    ),
)

MART_JOBS = (
    _dbt(
        36,
        Select(
            into="dim_customers",
            source="stg_customers",
            joins=("left join stg_subscriptions on stg_customers.customer_id = stg_subscriptions.customer_id",),
            columns={
                **keep("stg_customers", "customer_id email_hash country city marketing_optin signed_up_at"),
                "age_band": "width_bucket(year(current_date) - stg_customers.birth_year, 18, 78, 6)",
                "plan": "stg_subscriptions.plan",
                "is_subscriber": (
                    "stg_subscriptions.started_at is not null and stg_subscriptions.cancelled_at is null"
                ),
            },
        ),
    ),
    _dbt(
        36,
        Select(
            into="dim_products",
            source="stg_products",
            joins=("left join raw_bean_prices on stg_products.origin = raw_bean_prices.origin",),
            columns={
                **keep("stg_products", "product_id sku product_name category origin unit_cost_eur"),
                "bean_price_usd": "avg(raw_bean_prices.usd_per_kilo)",
            },
            group_by=(
                "stg_products.product_id",
                "stg_products.sku",
                "stg_products.product_name",
                "stg_products.category",
                "stg_products.origin",
                "stg_products.unit_cost_eur",
            ),
        ),
    ),
    _dbt(
        40,
        Select(
            into="fct_orders",
            source="stg_orders",
            joins=(
                "join stg_order_items on stg_orders.order_id = stg_order_items.order_id",
                "join dim_products on stg_order_items.product_id = dim_products.product_id",
                "join dim_customers on stg_orders.customer_id = dim_customers.customer_id",
                "left join stg_deliveries on stg_orders.order_id = stg_deliveries.order_id",
            ),
            columns={
                **keep("stg_orders", "order_id customer_id channel"),
                "order_date": "cast(stg_orders.ordered_at as date)",
                "country": "dim_customers.country",
                "items": "sum(stg_order_items.quantity)",
                "revenue_eur": "max(stg_orders.total_eur)",
                "discount_eur": "max(stg_orders.discount_eur)",
                "margin_eur": (
                    "sum(stg_order_items.quantity * (stg_order_items.unit_price_eur - dim_products.unit_cost_eur))"
                ),
                "delivery_days": ("max(datediff('day', stg_deliveries.shipped_at, stg_deliveries.delivered_at))"),
            },
            where="stg_orders.status <> 'returned'",
            group_by=(
                "stg_orders.order_id",
                "stg_orders.customer_id",
                "stg_orders.channel",
                "stg_orders.ordered_at",
                "dim_customers.country",
            ),
        ),
    ),
    _dbt(
        41,
        Select(
            into="fct_payments",
            source="stg_payments",
            joins=(
                "join stg_settlements on stg_payments.provider_ref = stg_settlements.provider_ref",
                "join stg_orders on stg_payments.order_id = stg_orders.order_id",
            ),
            columns={
                **keep("stg_payments", "payment_id order_id"),
                "customer_id": "stg_orders.customer_id",
                "payout_date": "stg_settlements.payout_date",
                "amount_eur": "stg_payments.amount_eur - stg_payments.refunded_eur",
                "fee_eur": "to_number(stg_settlements.fee, 12, 2)",
                "net_eur": (
                    "stg_payments.amount_eur - stg_payments.refunded_eur - to_number(stg_settlements.fee, 12, 2)"
                ),
            },
        ),
    ),
    _dbt(
        41,
        Select(
            into="fct_sessions",
            source="stg_sessions",
            columns={
                "day": "cast(stg_sessions.started_at as date)",
                "campaign": "stg_sessions.campaign",
                "visits": "count(stg_sessions.session_id)",
                "visitors": "count(distinct stg_sessions.customer_id)",
                "avg_pages": "avg(stg_sessions.pages)",
            },
            where="stg_sessions.minutes < 240",
            group_by=("stg_sessions.started_at", "stg_sessions.campaign"),
        ),
    ),
    _dbt(
        46,
        Select(
            into="mart_revenue_daily",
            source="fct_orders",
            joins=("left join fct_payments on fct_orders.order_id = fct_payments.order_id",),
            columns={
                "day": "fct_orders.order_date",
                "country": "fct_orders.country",
                "orders": "count(fct_orders.order_id)",
                "revenue_eur": "sum(fct_orders.revenue_eur)",
                "margin_eur": "sum(fct_orders.margin_eur)",
                "fees_eur": "sum(fct_payments.fee_eur)",
                "cash_eur": "sum(fct_payments.net_eur)",
            },
            group_by=("fct_orders.order_date", "fct_orders.country"),
        ),
    ),
    _dbt(
        46,
        Select(
            into="mart_customer_ltv",
            source="dim_customers",
            joins=(
                "join fct_orders on dim_customers.customer_id = fct_orders.customer_id",
                "join fct_payments on fct_orders.order_id = fct_payments.order_id",
            ),
            columns={
                **keep("dim_customers", "customer_id country"),
                "first_order": "min(fct_orders.order_date)",
                "orders": "count(fct_orders.order_id)",
                "net_eur": "sum(fct_payments.net_eur)",
                "ltv_band": "width_bucket(sum(fct_payments.net_eur), 0, 1000, 5)",
            },
            group_by=("dim_customers.customer_id", "dim_customers.country"),
        ),
    ),
    _dbt(
        47,
        Select(
            into="mart_marketing_roi",
            source="stg_ad_spend",
            joins=(
                "left join fct_sessions on stg_ad_spend.campaign = fct_sessions.campaign",
                "left join fct_orders on stg_ad_spend.day = fct_orders.order_date",
            ),
            columns={
                **keep("stg_ad_spend", "day campaign"),
                "spend_eur": "max(stg_ad_spend.spend_eur)",
                "visits": "max(fct_sessions.visits)",
                "new_orders": "count(distinct fct_orders.order_id)",
                "revenue_eur": "sum(fct_orders.revenue_eur)",
            },
            group_by=("stg_ad_spend.day", "stg_ad_spend.campaign"),
        ),
    ),
    _dbt(
        47,
        Select(
            into="mart_stock_cover",
            source="dim_products",
            joins=(
                "join raw_inventory on dim_products.sku = raw_inventory.sku",
                "left join raw_purchase_orders on dim_products.sku = raw_purchase_orders.sku",
                "left join raw_roast_batches on dim_products.sku = raw_roast_batches.sku",
                "left join stg_order_items on dim_products.product_id = stg_order_items.product_id",
            ),
            columns={
                **keep("dim_products", "sku category"),
                "on_hand": "sum(raw_inventory.on_hand - raw_inventory.reserved)",
                "incoming": "sum(raw_purchase_orders.quantity)",
                "roasted_kg": "sum(raw_roast_batches.kilos_out)",
                "sold": "sum(stg_order_items.quantity)",
            },
            group_by=("dim_products.sku", "dim_products.category"),
        ),
    ),
    _dbt(
        51,
        Select(
            into="churn_features",
            source="dim_customers",
            joins=(
                "join mart_customer_ltv on dim_customers.customer_id = mart_customer_ltv.customer_id",
                "left join stg_sessions on dim_customers.customer_id = stg_sessions.customer_id",
            ),
            columns={
                **keep("dim_customers", "customer_id plan age_band"),
                "orders": "max(mart_customer_ltv.orders)",
                "net_eur": "max(mart_customer_ltv.net_eur)",
                "visits": "count(stg_sessions.session_id)",
                "churned": "not dim_customers.is_subscriber",
            },
            where="dim_customers.plan is not null",
            group_by=(
                "dim_customers.customer_id",
                "dim_customers.plan",
                "dim_customers.age_band",
                "dim_customers.is_subscriber",
            ),
        ),
    ),
    _dbt(
        51,
        Select(
            into="demand_features",
            source="stg_order_items",
            joins=(
                "join stg_orders on stg_order_items.order_id = stg_orders.order_id",
                "join dim_products on stg_order_items.product_id = dim_products.product_id",
            ),
            columns={
                "product_id": "stg_order_items.product_id",
                "week": "date_trunc('week', stg_orders.ordered_at)",
                "category": "dim_products.category",
                "bean_price_usd": "dim_products.bean_price_usd",
                "quantity": "sum(stg_order_items.quantity)",
                "quantity_last_week": (
                    "lag(sum(stg_order_items.quantity)) over "
                    "(partition by stg_order_items.product_id order by stg_orders.ordered_at)"
                ),
            },
            group_by=(
                "stg_order_items.product_id",
                "stg_orders.ordered_at",
                "dim_products.category",
                "dim_products.bean_price_usd",
            ),
        ),
    ),
)

ML_JOBS = (
    Job(
        name="churn.train",
        tool=ML,
        kind="TRAINING",
        description="Trains the churn model anew when a week of features is in.",
        owners=(GROWTH, JONAS),
        at=60,
        minutes=11,
        also_reads=("churn_features",),
        also_writes=("churn_predictor",),
        nights=(3,),
    ),
    Job(
        name="demand.train",
        tool=ML,
        kind="TRAINING",
        description="Trains the demand model anew.",
        owners=(SUPPLY, AIKO),
        at=60,
        minutes=14,
        also_reads=("demand_features",),
        also_writes=("demand_forecast",),
        nights=(4, 1),
    ),
    Job(
        name="churn.score",
        tool=ML,
        kind="BATCH_INFERENCE",
        description="Scores every subscriber.",
        owners=(GROWTH, JONAS),
        at=78,
        also_reads=("churn_predictor",),
        selects=(
            Select(
                into="churn_scores",
                source="churn_features",
                columns={
                    **keep("churn_features", "customer_id plan"),
                    "risk": (
                        "churn_predictor(churn_features.plan, churn_features.age_band, "
                        "churn_features.orders, churn_features.net_eur, churn_features.visits)"
                    ),
                    "scored_at": "current_timestamp",
                },
            ),
        ),
    ),
    Job(
        name="demand.predict",
        tool=ML,
        kind="BATCH_INFERENCE",
        description="Forecasts the coming week.",
        owners=(SUPPLY, AIKO),
        at=80,
        also_reads=("demand_forecast",),
        selects=(
            Select(
                into="demand_forecast_daily",
                source="demand_features",
                columns={
                    "product_id": "demand_features.product_id",
                    "week": "dateadd('week', 1, demand_features.week)",
                    "quantity": (
                        "demand_forecast(demand_features.category, demand_features.bean_price_usd, "
                        "demand_features.quantity, demand_features.quantity_last_week)"
                    ),
                    "forecast_at": "current_timestamp",
                },
            ),
        ),
    ),
)


def _page(dashboard: str, *reads: str) -> Job:
    page = DATASETS[dashboard]
    return Job(
        name=page.name,
        tool=LOOKER,
        kind="DASHBOARD",
        description=f"Queries behind: {page.description}",
        owners=page.owners,
        nights=(),
        also_reads=reads,
        also_writes=(dashboard,),
    )


DASHBOARD_JOBS = (
    _page("revenue_overview", "mart_revenue_daily", "fct_orders"),
    _page("customer_growth", "mart_customer_ltv", "mart_marketing_roi", "churn_scores"),
    _page("stock_and_roasting", "mart_stock_cover", "demand_forecast_daily"),
)

BACKFILL = Job(
    name="adhoc.ltv_backfill",
    tool=AIRFLOW,
    kind="TASK",
    description="One-off: lifetime values before the settlement files existed.",
    owners=(JONAS,),
    at=100,
    nights=(4,),
    selects=(
        Select(
            into="ltv_backfill",
            source="fct_payments",
            columns={"customer_id": "fct_payments.customer_id", "net_eur": "sum(fct_payments.net_eur)"},
            group_by=("fct_payments.customer_id",),
        ),
    ),
)
HOUSEKEEPING = Job(
    name="adhoc.warehouse_housekeeping",
    tool=AIRFLOW,
    kind="TASK",
    description="Renames and drops that somebody asked for.",
    owners=(PLATFORM,),
    nights=(),
)

JOBS = (
    *INGEST,
    CLICK_STREAM,
    *LAKE_JOBS,
    _dag("shop_marts", "Builds staging, marts and features with dbt.", 30, 26),
    *STAGING_JOBS,
    *MART_JOBS,
    *ML_JOBS,
    *DASHBOARD_JOBS,
    BACKFILL,
    HOUSEKEEPING,
)
