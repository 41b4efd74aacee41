"""Stars, snowflakes, galaxies and vaults are told apart by keys, names and joins; an application's schema is none."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import sqlglot
from sqlglot import exp

from ingest.sql.modelling import ForeignKey, Joined, Kind, Pattern, Role, TableFacts, facts_of, patterns
from ingest.sql.result import Category, ColumnEdge, Hop, Join, Key, Place, SqlLineage, Statement, Table
from tests.sql import tpc


def table(name: str, columns: str, key: str = "", **references: str) -> TableFacts:
    """`columns` are names with types behind a colon, text without; `references` map a column to its table."""
    typed = {column: kind or "text" for column, _, kind in (word.partition(":") for word in columns.split())}
    foreign = tuple(ForeignKey((column,), other) for column, other in references.items())
    return TableFacts(name, typed, tuple(key.split()), foreign)


def roles(found: Pattern) -> dict[str, Role]:
    return {member.table: member.role for member in found.members}


def keyless(tables: list[TableFacts]) -> list[TableFacts]:
    return [replace(it, primary_key=(), foreign_keys=()) for it in tables]


SSB = [
    table("customer", "c_custkey:int c_name c_city c_nation c_region", "c_custkey"),
    table("part", "p_partkey:int p_name p_brand1 p_size:int", "p_partkey"),
    table("supplier", "s_suppkey:int s_name s_city", "s_suppkey"),
    table("dwdate", "d_datekey:int d_date d_year:int d_month", "d_datekey"),
    table(
        "lineorder",
        "lo_orderkey:int lo_linenumber:int lo_custkey:int lo_partkey:int lo_suppkey:int lo_orderdate:int"
        " lo_commitdate:int lo_quantity:int lo_extendedprice:int lo_discount:int lo_revenue:int lo_tax:int lo_shipmode",
        "lo_orderkey lo_linenumber",
        lo_custkey="customer",
        lo_partkey="part",
        lo_suppkey="supplier",
        lo_orderdate="dwdate",
        lo_commitdate="dwdate",
    ),
]

SHOP = [  # an application's tables, in third normal form
    table("users", "id:int email created_at:timestamp", "id"),
    table("addresses", "id:int user_id:int street city", "id", user_id="users"),
    table("categories", "id:int name parent_id:int", "id", parent_id="categories"),
    table("products", "id:int category_id:int name price:numeric", "id", category_id="categories"),
    table("orders", "id:int user_id:int address_id:int status", "id", user_id="users", address_id="addresses"),
    table(
        "order_items",
        "id:int order_id:int product_id:int quantity:int price:numeric",
        "id",
        order_id="orders",
        product_id="products",
    ),
    table("payments", "id:int order_id:int user_id:int amount:numeric state", "id", order_id="orders", user_id="users"),
    table("reviews", "id:int product_id:int user_id:int body", "id", product_id="products", user_id="users"),
    table("product_tags", "product_id:int tag_id:int", "product_id tag_id", product_id="products", tag_id="tags"),
    table("tags", "id:int name", "id"),
]

VAULT = [
    table("hub_customer", "customer_hk customer_no load_date:timestamp record_source", "customer_hk"),
    table("hub_order", "order_hk order_no load_date:timestamp record_source", "order_hk"),
    table(
        "lnk_customer_order",
        "customer_order_hk customer_hk order_hk load_date:timestamp record_source",
        "customer_order_hk",
        customer_hk="hub_customer",
        order_hk="hub_order",
    ),
    table(
        "sat_customer",
        "customer_hk load_date:timestamp hashdiff name city record_source",
        "customer_hk load_date",
        customer_hk="hub_customer",
    ),
    table(
        "sat_customer_order",
        "customer_order_hk load_date:timestamp amount:numeric record_source",
        "customer_order_hk load_date",
        customer_order_hk="lnk_customer_order",
    ),
]
VAULT_ROLES = {
    "hub_customer": Role.HUB,
    "hub_order": Role.HUB,
    "lnk_customer_order": Role.LINK,
    "sat_customer": Role.SATELLITE,
    "sat_customer_order": Role.SATELLITE,
}


def test_the_star_schema_benchmark_is_a_star() -> None:
    (star,) = patterns(SSB)
    assert star.kind is Kind.STAR
    assert roles(star) == {
        "lineorder": Role.FACT,
        **dict.fromkeys(("customer", "part", "supplier", "dwdate"), Role.DIMENSION),
    }
    fact = star.members[0]
    assert fact.evidence[:2] == ("5 foreign keys", "5 numeric measures")
    assert fact.confidence >= 0.7


def test_a_dimension_that_leads_on_makes_a_snowflake() -> None:
    nation = table("nation", "n_nationkey:int n_name", "n_nationkey")
    customer = replace(SSB[0], foreign_keys=(ForeignKey(("c_nation",), "nation"),))
    (snowflake,) = patterns([nation, customer, *SSB[1:]])
    assert snowflake.kind is Kind.SNOWFLAKE
    assert snowflake.role("nation") is Role.DIMENSION
    assert any("lead on to nation" in said for said in snowflake.evidence)


def test_tpc_h_is_a_snowflake() -> None:
    (snowflake,) = patterns(*facts_of(_schema("h"), tpc.schema("h")))
    assert snowflake.kind is Kind.SNOWFLAKE
    assert roles(snowflake) == {
        "lineitem": Role.FACT,
        "partsupp": Role.BRIDGE,
        **dict.fromkeys(("orders", "part", "supplier", "customer", "nation", "region"), Role.DIMENSION),
    }


TPC_DS_FACTS = {
    *("store_sales", "catalog_sales", "web_sales", "store_returns", "catalog_returns", "web_returns", "inventory"),
}


def test_tpc_ds_is_a_galaxy() -> None:
    (galaxy,) = patterns(*facts_of(_schema("ds"), tpc.schema("ds")))
    assert galaxy.kind is Kind.GALAXY
    assert {name for name, role in roles(galaxy).items() if role is Role.FACT} == TPC_DS_FACTS
    assert {name for name, role in roles(galaxy).items() if role is Role.DIMENSION} == {
        *tpc.schema("ds")
    } - TPC_DS_FACTS
    assert any("income_band" in said for said in galaxy.evidence)


def _schema(suite: str) -> SqlLineage:
    """The keys of a suite, told as statements tell them."""
    statements = []
    for create in sqlglot.parse(tpc.tables(suite), dialect=tpc.DIALECT):
        assert create is not None
        made = Table((create.this.this.name,))
        keys = [
            _key(made, (column.name,), constraint.kind)
            for column in create.find_all(exp.ColumnDef)
            for constraint in column.args.get("constraints") or ()
        ]
        for part in create.find_all(exp.PrimaryKey, exp.ForeignKey):
            names = tuple(name.name for name in part.expressions)
            keys.append(_key(made, names, part.args.get("reference") or exp.PrimaryKeyColumnConstraint()))
        told = tuple(key for key in keys if key is not None)
        statements.append(Statement("CREATE", Category.DDL, Place(1, 1), "", Hop(outputs=(made,)), keys=told))
    return SqlLineage(tpc.DIALECT, tuple(statements))


def _key(made: Table, columns: tuple[str, ...], constraint: object) -> Key | None:
    if isinstance(constraint, exp.PrimaryKeyColumnConstraint):
        return Key(made, "PRIMARY", columns)
    if isinstance(constraint, exp.Reference):
        return Key(made, "FOREIGN", columns, Table((constraint.this.this.name,)))
    return None


def test_an_applications_schema_is_nothing() -> None:
    assert patterns(SHOP) == ()
    assert patterns(keyless(SHOP)) == ()
    assert patterns([]) == ()


def test_a_vault_by_its_keys_and_columns() -> None:
    (vault,) = patterns(VAULT)
    assert vault.kind is Kind.DATA_VAULT
    assert roles(vault) == VAULT_ROLES
    assert vault.evidence == ("2 hubs, 1 link, 2 satellites",)
    assert vault.confidence >= 0.85
    hub = vault.members[0]
    assert {"load date load_date", "record source record_source", "key customer_hk"} <= {*hub.evidence}


def test_a_vault_whose_names_hint_at_nothing() -> None:
    new = {
        "hub_customer": "c1",
        "hub_order": "o1",
        "lnk_customer_order": "co",
        "sat_customer": "c2",
        "sat_customer_order": "c3",
    }
    renamed = [
        replace(
            it, name=new[it.name], foreign_keys=tuple(key._replace(table=new[key.table]) for key in it.foreign_keys)
        )
        for it in VAULT
    ]
    (vault,) = patterns(renamed)
    assert roles(vault) == {new[name]: role for name, role in VAULT_ROLES.items()}
    assert vault.confidence < patterns(VAULT)[0].confidence


def test_a_vault_without_columns_by_keys_and_names() -> None:
    (vault,) = patterns([replace(it, columns={}) for it in VAULT])
    assert roles(vault) == VAULT_ROLES
    assert vault.confidence < 0.8


def test_a_vault_and_a_star_side_by_side_with_work_tables() -> None:
    work = [table("stg_orders", "id:int load_date record_source"), TableFacts("#t", {"a": ""}, (), (), True)]
    found = {it.kind: it for it in patterns([*VAULT, *SSB, *work])}
    assert set(found) == {Kind.DATA_VAULT, Kind.STAR, Kind.NONE}
    assert roles(found[Kind.NONE]) == {"stg_orders": Role.STAGING, "#t": Role.TEMPORARY}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("stg_x", Role.STAGING),
        ("staging.x", Role.STAGING),
        ("db.stg.x", Role.STAGING),
        ("tmp_x", Role.TEMPORARY),
        ("x_temp", Role.TEMPORARY),
        ("@t", Role.TEMPORARY),
    ],
)
def test_names_of_work_tables(name: str, role: Role) -> None:
    (found,) = patterns([TableFacts(name)])
    assert roles(found) == {name: role}


def test_facts_that_share_a_dimension_are_a_galaxy_and_others_are_not() -> None:
    dims = [
        table(f"dim_{name}", f"{name}_key:int name", f"{name}_key") for name in "date item store staff site".split()
    ]
    sales = table(
        "fact_sales", "date_key:int item_key:int amount:decimal", "", date_key="dim_date", item_key="dim_item"
    )
    stock = table("fact_stock", "store_key:int item_key:int qty:int", "", store_key="dim_store", item_key="dim_item")
    hours = table(
        "fact_hours", "staff_key:int site_key:int duration:int", "", staff_key="dim_staff", site_key="dim_site"
    )
    galaxy, star = sorted(patterns([*dims, sales, stock, hours]), key=lambda it: it.kind)
    assert galaxy.kind is Kind.GALAXY and star.kind is Kind.STAR
    assert {name for name, role in roles(galaxy).items() if role is Role.FACT} == {"fact_sales", "fact_stock"}
    assert any("dim_item" in said for said in galaxy.evidence)
    assert {*roles(star)} == {"fact_hours", "dim_staff", "dim_site"}


def test_a_bridge_between_a_dimension_and_another() -> None:
    tables = [
        table("dim_account", "account_key:int name", "account_key"),
        table("dim_customer", "customer_key:int name", "customer_key"),
        table("dim_date", "date_key:int", "date_key"),
        table(
            "br_account_customer",
            "account_key:int customer_key:int weight:decimal",
            "account_key customer_key",
            account_key="dim_account",
            customer_key="dim_customer",
        ),
        table(
            "fct_balance",
            "account_key:int owners_key:int date_key:int balance:decimal",
            "account_key date_key",
            account_key="dim_account",
            owners_key="br_account_customer",
            date_key="dim_date",
        ),
    ]
    (found,) = patterns(tables)
    assert found.role("br_account_customer") is Role.BRIDGE
    assert found.role("fct_balance") is Role.FACT
    assert found.kind is Kind.SNOWFLAKE


def test_joins_stand_for_keys() -> None:
    joins = [
        Joined("lineorder", "lo_custkey", "customer", "c_custkey", 3),
        Joined("part", "p_partkey", "lineorder", "lo_partkey"),
        Joined("lineorder", "lo_suppkey", "supplier", "s_suppkey"),
        Joined("lineorder", "lo_orderdate", "dwdate", "d_datekey", 2),
    ]
    tables = [replace(it, foreign_keys=()) for it in SSB]
    (star,) = patterns(tables, joins)
    assert star.kind is Kind.STAR and len(star.members) == 5
    assert star.members[0].evidence[0] == "4 foreign keys (by join)"


def test_names_of_columns_stand_for_keys() -> None:
    tables = [
        table("dim_customers", "customer_key:int name"),
        table("dim_date", "date_key:int year:int"),
        table("dim_product", "id:int name"),
        table("fct_sales", "customer_key:int date_key:int product_id:int amount:numeric"),
    ]
    (star,) = patterns(tables)
    assert star.kind is Kind.STAR and star.role("fct_sales") is Role.FACT
    assert star.members[0].evidence[0] == "3 foreign keys (by name)"


def test_a_name_alone_makes_no_fact() -> None:
    assert patterns([table("fact_sheet", "id:int title", "id"), table("dim_lights", "id:int", "id")]) == ()


def test_facts_are_derived_from_what_sql_says() -> None:
    orders, customers, made = Table(("s", "orders")), Table(("s", "customers")), Table(("#t",), True)
    statement = Statement(
        "INSERT",
        Category.DML,
        Place(1, 1),
        "",
        Hop(
            (orders, customers),
            (made,),
            (ColumnEdge(orders, "total", made, "t", ()), ColumnEdge(orders, "*", made, "*", ())),
        ),
        keys=(Key(customers, "UNIQUE", ("email",)), Key(customers, "PRIMARY", ("id",))),
        joins=(Join(orders, "customer_id", customers, "id"), Join(customers, "id", orders, "customer_id")),
    )
    undone = replace(statement, rolled_back=True)
    tables, joins = facts_of(SqlLineage("", (statement, statement, undone)), {"s.orders": {"TOTAL": "numeric"}})
    by_name = {it.name: it for it in tables}
    assert by_name["s.orders"].columns == {"total": "numeric", "customer_id": ""}
    assert by_name["s.customers"].primary_key == ("id",)
    assert by_name["#t"].is_temporary and not by_name["s.orders"].is_temporary
    assert joins == (Joined("s.customers", "id", "s.orders", "customer_id", 2),)


def test_ten_thousand_tables_take_seconds() -> None:
    tables: list[TableFacts] = []
    for number in range(1000):
        names = [f"s{number}.dim_{index}" for index in range(9)]
        tables += [TableFacts(name, {"id": "int", "name": "text"}, ("id",)) for name in names]
        columns = {f"c{index}_key": "int" for index in range(9)} | {"amount": "decimal(9, 2)"}
        keys = tuple(ForeignKey((f"c{index}_key",), name) for index, name in enumerate(names))
        tables.append(TableFacts(f"s{number}.sales", columns, (), keys))
    joins = [Joined("s0.sales", "c0_key", it.name, "id") for it in tables]
    started = time.process_time()
    assert len(patterns(tables, joins)) >= 990
    assert len(patterns(keyless(tables), joins)) >= 0
    assert time.process_time() - started < 10
