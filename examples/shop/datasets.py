"""The datasets of Kanban Coffee, from left to right, and who owns them."""

from __future__ import annotations

from dataclasses import replace

from examples.shop.declare import Dataset, Owner, by_key, columns

SHOP_DB = "postgres://pg-shop.kanban.coffee:5432"
STOCK_DB = "postgres://pg-stock.kanban.coffee:5432"
BROKER = "kafka://kafka.kanban.coffee:9092"
LANDING = "s3://kanban-landing"
LAKE = "s3://kanban-lake"
CATALOG = "arn:aws:glue:eu-west-1:210987654321"
WAREHOUSE = "snowflake://kanban-shop"
MODELS = "mlflow://shop-ml"
DASHBOARDS = "looker://shop"

GROWTH = Owner("team:growth")
FINANCE = Owner("team:finance")
SUPPLY = Owner("team:supply")
PLATFORM = Owner("team:data-platform")
MARIA = Owner("maria.silva@kanban.coffee", "STEWARD")
JONAS = Owner("jonas.berg@kanban.coffee", "STEWARD")
AIKO = Owner("aiko.tanaka@kanban.coffee", "STEWARD")
PRIYA = Owner("priya.nair@kanban.coffee", "STEWARD")


def _table(
    namespace: str, name: str, text: str, description: str, *owners: Owner, tags: tuple[str, ...] = ()
) -> Dataset:
    return Dataset(
        key=name.rsplit(".", 1)[1],
        namespace=namespace,
        name=name,
        source="shop database" if namespace == SHOP_DB else "stock database",
        kind="TABLE",
        description=description,
        owners=owners,
        columns=columns(text),
        tags=tags,
    )


DATABASE_TABLES = (
    _table(
        SHOP_DB,
        "shop.public.orders",
        """
        order_id       BIGINT
        customer_id    BIGINT
        status         VARCHAR     -- cart, paid, shipped, returned or test
        channel        VARCHAR     -- web, app or subscription
        currency       CHAR(3)
        total_cents    INTEGER     -- after discounts, with tax
        coupon         VARCHAR before -- free text, as the customer typed it
        discount_code  VARCHAR after  -- a code of the campaign tool
        discount_cents INTEGER after
        created_at     TIMESTAMPTZ
        """,
        "One row an order, from cart to delivery.",
        GROWTH,
        PRIYA,
    ),
    _table(
        SHOP_DB,
        "shop.public.order_items",
        """
        item_id          BIGINT
        order_id         BIGINT
        product_id       BIGINT
        quantity         INTEGER
        unit_price_cents INTEGER
        """,
        "The lines of an order.",
        GROWTH,
    ),
    _table(
        SHOP_DB,
        "shop.public.customers",
        """
        customer_id     BIGINT
        email           VARCHAR #pii #gdpr -- unique
        full_name       VARCHAR #pii #gdpr
        phone           VARCHAR #pii #gdpr
        country         CHAR(2)
        city            VARCHAR
        birth_date      DATE #pii #gdpr
        marketing_optin BOOLEAN #gdpr
        created_at      TIMESTAMPTZ
        """,
        "Everybody with an account. Erased on request within 30 days.",
        GROWTH,
        PRIYA,
        tags=("pii", "gdpr"),
    ),
    _table(
        SHOP_DB,
        "shop.public.payments",
        """
        payment_id   BIGINT
        order_id     BIGINT
        provider     VARCHAR     -- card, wallet or invoice
        provider_ref VARCHAR     -- the provider's own number
        amount_cents INTEGER
        card_last4   CHAR(4) #pii
        status       VARCHAR
        paid_at      TIMESTAMPTZ
        """,
        "Payments as the checkout saw them; the provider's settlement is the truth about money.",
        FINANCE,
        MARIA,
        tags=("pii",),
    ),
    _table(
        SHOP_DB,
        "shop.public.refunds",
        """
        refund_id    BIGINT
        payment_id   BIGINT
        amount_cents INTEGER
        reason       VARCHAR
        refunded_at  TIMESTAMPTZ
        """,
        "Money given back, whole or in part.",
        FINANCE,
    ),
    _table(
        SHOP_DB,
        "shop.public.products",
        """
        product_id      BIGINT
        sku             VARCHAR
        name            VARCHAR
        category        VARCHAR     -- beans, capsules, gear
        origin          VARCHAR
        unit_cost_cents INTEGER #confidential
        active          BOOLEAN
        """,
        "What the shop sells.",
        SUPPLY,
    ),
    _table(
        SHOP_DB,
        "shop.public.subscriptions",
        """
        subscription_id BIGINT
        customer_id     BIGINT
        plan            VARCHAR
        started_at      TIMESTAMPTZ
        cancelled_at    TIMESTAMPTZ
        """,
        "Beans every two or four weeks.",
        GROWTH,
        JONAS,
    ),
    _table(
        STOCK_DB,
        "stock.public.inventory",
        """
        sku        VARCHAR
        site       VARCHAR
        on_hand    INTEGER
        reserved   INTEGER
        counted_at TIMESTAMPTZ
        """,
        "What lies on the shelf, per site.",
        SUPPLY,
        AIKO,
    ),
    _table(
        STOCK_DB,
        "stock.public.purchase_orders",
        """
        po_id            BIGINT
        sku              VARCHAR
        supplier         VARCHAR
        quantity         INTEGER
        unit_price_cents INTEGER #confidential
        due_date         DATE
        """,
        "Green beans and gear on their way to us.",
        SUPPLY,
    ),
    _table(
        STOCK_DB,
        "stock.public.roast_batches",
        """
        batch_id   BIGINT
        sku        VARCHAR
        kilos_in   NUMERIC(8,2)
        kilos_out  NUMERIC(8,2)
        roasted_at TIMESTAMPTZ
        """,
        "Every batch that left the roaster.",
        SUPPLY,
        AIKO,
    ),
    _table(
        STOCK_DB,
        "stock.public.shipments",
        """
        shipment_id BIGINT
        order_id    BIGINT
        carrier     VARCHAR
        tracking_no VARCHAR
        shipped_at  TIMESTAMPTZ
        """,
        "Parcels handed to a carrier.",
        SUPPLY,
    ),
)


def _files(
    key: str,
    name: str,
    file_format: str,
    text: str,
    description: str,
    *owners: Owner,
    tags: tuple[str, ...] = (),
) -> Dataset:
    return Dataset(
        key=key,
        namespace=LANDING,
        name=name,
        source="landing zone",
        kind="FILE",
        description=description,
        owners=owners,
        columns=columns(text),
        tags=tags,
        file_format=file_format,
    )


LANDING_FILES = (
    _files(
        "settlement_files",
        "payments/settlements",
        "csv",
        """
        provider_ref STRING
        gross        STRING -- decimal point, no thousands separator (as agreed)
        fee          STRING
        payout_date  STRING
        """,
        "The payment provider's nightly settlement report, one CSV a day.",
        FINANCE,
        MARIA,
    ),
    _files(
        "tracking_files",
        "carriers/tracking",
        "csv",
        """
        tracking_no    STRING
        recipient_name STRING #pii #gdpr
        status         STRING
        delivered_at   STRING
        """,
        "What the carriers say about our parcels.",
        SUPPLY,
        tags=("pii", "gdpr"),
    ),
    _files(
        "ad_spend_files",
        "marketing/ad_spend",
        "csv",
        """
        day         STRING
        campaign    STRING
        channel     STRING
        spend       STRING
        impressions STRING
        """,
        "Exported from the ad platforms every morning.",
        GROWTH,
        JONAS,
    ),
    _files(
        "bean_price_files",
        "market/bean_prices",
        "parquet",
        """
        day            DATE
        origin         STRING
        usd_per_kilo   DOUBLE
        """,
        "Green coffee prices, bought from a market data vendor.",
        SUPPLY,
    ),
)

STREAMS = (
    Dataset(
        key="clicks",
        namespace=BROKER,
        name="shop.clicks",
        source="event broker",
        kind="TOPIC",
        description="Every click and page view in shop and app, keyed by visitor.",
        owners=(GROWTH, PRIYA),
        tags=("pii",),
        columns=columns(
            """
            event_id    STRING
            visitor_id  STRING #pii
            customer_id BIGINT -- null until the visitor signs in
            ip_address  STRING #pii #gdpr
            url         STRING
            referrer    STRING
            event_type  STRING
            at          TIMESTAMP
            """
        ),
    ),
    Dataset(
        key="page_views",
        namespace=BROKER,
        name="shop.page_views",
        source="event broker",
        kind="TOPIC",
        description="Clicks without bots, with the campaign, the address cut to its network.",
        owners=(GROWTH, PRIYA),
        columns=columns(
            """
            event_id    STRING
            visitor_id  STRING #pii
            customer_id BIGINT
            network     STRING
            page        STRING
            campaign    STRING
            at          TIMESTAMP
            """
        ),
    ),
)


def _lake(key: str, text: str, description: str, tags: tuple[str, ...] = ()) -> Dataset:
    return Dataset(
        key=f"lake_{key}",
        namespace=LAKE,
        name=f"warehouse/{key}",
        source="lake",
        kind="TABLE",
        description=description,
        owners=(GROWTH, PLATFORM),
        columns=columns(text),
        tags=tags,
        table=(CATALOG, f"table/lake/{key}"),
        file_format="parquet",
    )


LAKE_TABLES = (
    _lake(
        "clicks",
        """
        event_id    STRING
        visitor_id  STRING #pii
        customer_id BIGINT
        page        STRING
        campaign    STRING
        at          TIMESTAMP
        """,
        "The click stream at rest, by hour.",
        tags=("pii",),
    ),
    _lake(
        "sessions",
        """
        session_id  STRING
        visitor_id  STRING #pii
        customer_id BIGINT
        campaign    STRING
        pages       INT
        started_at  TIMESTAMP
        ended_at    TIMESTAMP
        """,
        "Clicks grouped into visits; half an hour of silence ends one.",
        tags=("pii",),
    ),
    _lake(
        "product_affinity",
        """
        product_id   BIGINT
        other_id     BIGINT
        bought_both  BIGINT
        """,
        "Which products are bought in one order: the shop's 'goes well with'.",
    ),
)


WAREHOUSE_TYPES = {
    "BIGINT": "NUMBER(38,0)",
    "INTEGER": "NUMBER(38,0)",
    "INT": "NUMBER(38,0)",
    "STRING": "VARCHAR",
    "DOUBLE": "FLOAT",
    "TIMESTAMPTZ": "TIMESTAMP_TZ",
    "TIMESTAMP": "TIMESTAMP_NTZ",
}


def _raw(source: Dataset, schema: str, table: str) -> Dataset:
    """The copy of a source in the raw layer: the same columns in Snowflake's types, and the load time."""
    copied = tuple(replace(column, type=WAREHOUSE_TYPES.get(column.type, column.type)) for column in source.columns)
    return Dataset(
        key=f"raw_{table}",
        namespace=WAREHOUSE,
        name=f"raw.{schema}.{table}",
        source="warehouse",
        kind="TABLE",
        description=f"Copy of {source.name}, as it came.",
        owners=(PLATFORM,),
        columns=(*copied, *columns("_loaded_at TIMESTAMP_NTZ")),
        tags=source.tags,
    )


def _named(key: str, among: tuple[Dataset, ...]) -> Dataset:
    return by_key(among)[key]


RAW_TABLES = (
    *(_raw(table, "shop" if table.namespace == SHOP_DB else "stock", table.key) for table in DATABASE_TABLES),
    _raw(_named("settlement_files", LANDING_FILES), "files", "settlements"),
    _raw(_named("tracking_files", LANDING_FILES), "files", "tracking"),
    _raw(_named("ad_spend_files", LANDING_FILES), "files", "ad_spend"),
    _raw(_named("bean_price_files", LANDING_FILES), "files", "bean_prices"),
    _raw(_named("lake_sessions", LAKE_TABLES), "lake", "sessions"),
)


def _model(schema: str, name: str, text: str, description: str, *owners: Owner, tags: tuple[str, ...] = ()) -> Dataset:
    return Dataset(
        key=name,
        namespace=WAREHOUSE,
        name=f"analytics.{schema}.{name}",
        source="warehouse",
        kind="VIEW" if schema == "staging" else "TABLE",
        description=description,
        owners=owners,
        columns=columns(text),
        tags=tags,
    )


STAGING = (
    _model(
        "staging",
        "stg_orders",
        """
        order_id      NUMBER(38,0)
        customer_id   NUMBER(38,0)
        status        VARCHAR
        channel       VARCHAR
        coupon        VARCHAR before
        discount_code VARCHAR after
        discount_eur  NUMBER(12,2) after
        total_eur     NUMBER(12,2)
        ordered_at    TIMESTAMP_TZ
        """,
        "Orders that count: no carts, no test orders, money in euro.",
        GROWTH,
    ),
    _model(
        "staging",
        "stg_order_items",
        """
        item_id        NUMBER(38,0)
        order_id       NUMBER(38,0)
        product_id     NUMBER(38,0)
        quantity       NUMBER(38,0)
        unit_price_eur NUMBER(12,2)
        """,
        "Order lines, money in euro.",
        GROWTH,
    ),
    _model(
        "staging",
        "stg_customers",
        """
        customer_id     NUMBER(38,0)
        email_hash      VARCHAR
        country         VARCHAR
        city            VARCHAR
        birth_year      NUMBER(4,0)
        marketing_optin BOOLEAN #gdpr
        signed_up_at    TIMESTAMP_TZ
        """,
        "Customers without what names them: the e-mail address hashed, name and phone left out.",
        GROWTH,
        PRIYA,
        tags=("gdpr",),
    ),
    _model(
        "staging",
        "stg_payments",
        """
        payment_id   NUMBER(38,0)
        order_id     NUMBER(38,0)
        provider_ref VARCHAR
        amount_eur   NUMBER(12,2)
        refunded_eur NUMBER(12,2)
        paid_at      TIMESTAMP_TZ
        """,
        "Successful payments with what was given back.",
        FINANCE,
    ),
    _model(
        "staging",
        "stg_settlements",
        """
        provider_ref VARCHAR
        gross        VARCHAR
        fee          VARCHAR
        payout_date  DATE
        """,
        "The provider's settlement lines, each once.",
        FINANCE,
        MARIA,
    ),
    _model(
        "staging",
        "stg_products",
        """
        product_id    NUMBER(38,0)
        sku           VARCHAR
        product_name  VARCHAR
        category      VARCHAR
        origin        VARCHAR
        unit_cost_eur NUMBER(12,2) #confidential
        """,
        "Products that are or were on sale.",
        SUPPLY,
    ),
    _model(
        "staging",
        "stg_subscriptions",
        """
        customer_id  NUMBER(38,0)
        plan         VARCHAR
        started_at   TIMESTAMP_TZ
        cancelled_at TIMESTAMP_TZ
        """,
        "The newest subscription of each customer.",
        GROWTH,
    ),
    _model(
        "staging",
        "stg_deliveries",
        """
        order_id     NUMBER(38,0)
        carrier      VARCHAR
        shipped_at   TIMESTAMP_TZ
        delivered_at TIMESTAMP_TZ
        """,
        "Shipments with the carrier's word on their arrival.",
        SUPPLY,
    ),
    _model(
        "staging",
        "stg_sessions",
        """
        session_id  VARCHAR
        customer_id NUMBER(38,0)
        campaign    VARCHAR
        pages       NUMBER(38,0)
        started_at  TIMESTAMP_NTZ
        minutes     NUMBER(8,1)
        """,
        "Visits, without the visitor's id.",
        GROWTH,
    ),
    _model(
        "staging",
        "stg_ad_spend",
        """
        day       DATE
        campaign  VARCHAR
        channel   VARCHAR
        spend_eur NUMBER(12,2)
        """,
        "Ad spend by day and campaign.",
        GROWTH,
    ),
)

MARTS = (
    _model(
        "marts",
        "dim_customers",
        """
        customer_id     NUMBER(38,0)
        email_hash      VARCHAR
        country         VARCHAR
        city            VARCHAR
        age_band        VARCHAR
        plan            VARCHAR
        is_subscriber   BOOLEAN
        marketing_optin BOOLEAN #gdpr
        signed_up_at    TIMESTAMP_TZ
        """,
        "One row a customer, pseudonymous.",
        GROWTH,
        JONAS,
        tags=("gdpr",),
    ),
    _model(
        "marts",
        "dim_products",
        """
        product_id     NUMBER(38,0)
        sku            VARCHAR
        product_name   VARCHAR
        category       VARCHAR
        origin         VARCHAR
        unit_cost_eur  NUMBER(12,2) #confidential
        bean_price_usd NUMBER(12,4)
        """,
        "One row a product, with the market price of its beans.",
        SUPPLY,
    ),
    _model(
        "marts",
        "fct_orders",
        """
        order_id      NUMBER(38,0)
        customer_id   NUMBER(38,0)
        order_date    DATE
        channel       VARCHAR
        country       VARCHAR
        items         NUMBER(38,0)
        revenue_eur   NUMBER(12,2)
        discount_eur  NUMBER(12,2) after
        margin_eur    NUMBER(12,2) #confidential
        delivery_days NUMBER(38,0)
        """,
        "The heart of the warehouse: one row an order with its money, margin and delivery.",
        GROWTH,
        FINANCE,
        PRIYA,
        tags=("tier-1",),
    ),
    _model(
        "marts",
        "fct_payments",
        """
        payment_id  NUMBER(38,0)
        order_id    NUMBER(38,0)
        customer_id NUMBER(38,0)
        payout_date DATE
        amount_eur  NUMBER(12,2)
        fee_eur     NUMBER(12,2)
        net_eur     NUMBER(12,2)
        """,
        "Payments matched with the provider's settlement: what really reached the bank.",
        FINANCE,
        MARIA,
        tags=("tier-1",),
    ),
    _model(
        "marts",
        "fct_sessions",
        """
        day         DATE
        campaign    VARCHAR
        visits      NUMBER(38,0)
        visitors    NUMBER(38,0)
        avg_pages   NUMBER(8,2)
        """,
        "Visits by day and campaign.",
        GROWTH,
    ),
    _model(
        "marts",
        "mart_revenue_daily",
        """
        day         DATE
        country     VARCHAR
        orders      NUMBER(38,0)
        revenue_eur NUMBER(14,2)
        margin_eur  NUMBER(14,2) #confidential
        fees_eur    NUMBER(14,2)
        cash_eur    NUMBER(14,2)
        """,
        "Revenue, margin and cash by day and country: the numbers of the Monday meeting.",
        FINANCE,
        MARIA,
        tags=("tier-1",),
    ),
    _model(
        "marts",
        "mart_customer_ltv",
        """
        customer_id    NUMBER(38,0)
        country        VARCHAR
        first_order    DATE
        orders         NUMBER(38,0)
        net_eur        NUMBER(14,2)
        ltv_band       VARCHAR
        """,
        "What a customer has been worth so far, after fees and refunds.",
        GROWTH,
        JONAS,
    ),
    replace(
        _model(
            "marts",
            "mart_marketing_roi",
            """
            day         DATE
            campaign    VARCHAR
            spend_eur   NUMBER(14,2)
            visits      NUMBER(38,0)
            new_orders  NUMBER(38,0)
            revenue_eur NUMBER(14,2)
            """,
            "What a campaign costs and brings.",
            GROWTH,
            JONAS,
        ),
        former_name="analytics.marts.mart_ad_performance",
    ),
    _model(
        "marts",
        "mart_stock_cover",
        """
        sku         VARCHAR
        category    VARCHAR
        on_hand     NUMBER(38,0)
        incoming    NUMBER(38,0)
        roasted_kg  NUMBER(14,2)
        sold        NUMBER(38,0)
        """,
        "How much is there, how much is coming, how much goes.",
        SUPPLY,
        AIKO,
    ),
)

LEARNING = (
    _model(
        "features",
        "churn_features",
        """
        customer_id  NUMBER(38,0)
        plan         VARCHAR
        age_band     VARCHAR
        orders       NUMBER(38,0)
        net_eur      NUMBER(14,2)
        visits       NUMBER(38,0)
        churned      BOOLEAN
        """,
        "One row a subscriber: what the churn model learns from.",
        GROWTH,
        JONAS,
    ),
    _model(
        "features",
        "demand_features",
        """
        product_id  NUMBER(38,0)
        week        DATE
        category    VARCHAR
        bean_price_usd NUMBER(12,4)
        quantity    NUMBER(38,0)
        quantity_last_week NUMBER(38,0)
        """,
        "Units sold by product and week, with last week's.",
        SUPPLY,
    ),
    _model(
        "predictions",
        "churn_scores",
        """
        customer_id NUMBER(38,0)
        plan        VARCHAR
        risk        FLOAT
        scored_at   TIMESTAMP_NTZ
        """,
        "How likely each subscriber is to leave within 30 days.",
        GROWTH,
        JONAS,
    ),
    _model(
        "predictions",
        "demand_forecast_daily",
        """
        product_id  NUMBER(38,0)
        week        DATE
        quantity    FLOAT
        forecast_at TIMESTAMP_NTZ
        """,
        "Units we expect to sell.",
        SUPPLY,
        AIKO,
    ),
    Dataset(
        key="churn_predictor",
        namespace=MODELS,
        name="churn_predictor",
        source="model registry",
        kind="MODEL",
        description="Gradient-boosted trees; says who is about to cancel a subscription.",
        owners=(GROWTH, JONAS),
    ),
    Dataset(
        key="demand_forecast",
        namespace=MODELS,
        name="demand_forecast",
        source="model registry",
        kind="MODEL",
        description="Weekly demand by product, so that beans are bought in time.",
        owners=(SUPPLY, AIKO),
    ),
)


def _dashboard(key: str, name: str, description: str, *owners: Owner) -> Dataset:
    return Dataset(
        key=key,
        namespace=DASHBOARDS,
        name=name,
        source="Looker",
        kind="DASHBOARD",
        description=description,
        owners=owners,
    )


DASHBOARD_PAGES = (
    _dashboard(
        "revenue_overview",
        "dashboards/revenue_overview",
        "Revenue, margin and cash. Opened by the board on Mondays.",
        FINANCE,
        MARIA,
    ),
    _dashboard(
        "customer_growth",
        "dashboards/customer_growth",
        "Acquisition, lifetime value and churn risk.",
        GROWTH,
        JONAS,
    ),
    _dashboard(
        "stock_and_roasting",
        "dashboards/stock_and_roasting",
        "What to roast today and what to buy this week.",
        SUPPLY,
        AIKO,
    ),
)

BACKFILL_TABLE = _model(
    "tmp",
    "ltv_backfill",
    """
    customer_id NUMBER(38,0)
    net_eur     NUMBER(14,2)
    """,
    "Scratch table of a one-off correction; dropped when that was done.",
    JONAS,
)

DATASETS = by_key(
    (
        *DATABASE_TABLES,
        *LANDING_FILES,
        *STREAMS,
        *LAKE_TABLES,
        *RAW_TABLES,
        *STAGING,
        *MARTS,
        *LEARNING,
        *DASHBOARD_PAGES,
        BACKFILL_TABLE,
    )
)
