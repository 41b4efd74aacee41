"""Templates become SQL that parses and names the right tables, whatever they say, and they end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from graph.errors import InvalidInput
from ingest.sql.templates import Manifest, Rendered, is_template, neutralise, read_manifest, render


def model(name: str, **said: Any) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "package_name": "shop",
        "database": "lake",
        "schema": "core",
        "alias": name,
        "relation_name": f'"lake"."core"."{name}"',
        **said,
    }


DOCUMENT: dict[str, Any] = {
    "metadata": {"project_name": "shop", "adapter_type": "postgres"},
    "nodes": {
        "model.shop.orders": model("orders", alias="orders_v1", relation_name='"lake"."core"."orders_v1"'),
        "model.shop.customers": model("customers"),
        "model.shop.clean": model("clean", config={"materialized": "ephemeral"}, relation_name=None),
        "model.shop.prices.v1": model("prices", version=1, latest_version=2, relation_name="lake.core.prices_v1"),
        "model.shop.prices.v2": model("prices", version=2, latest_version=2, relation_name="lake.core.prices_v2"),
        "model.crm.customers": model("customers", package_name="crm", relation_name="crm.customers", schema="crm"),
        "test.shop.unique": {"resource_type": "test", "name": "unique_orders"},
    },
    "sources": {
        "source.shop.raw.events": {
            "source_name": "raw",
            "name": "events",
            "identifier": "events_2024",
            "database": "landing",
            "schema": "web",
            "relation_name": '"landing"."web"."events_2024"',
        }
    },
    "vars": {"cutoff": "2024-01-01"},
}
MANIFEST = read_manifest(DOCUMENT)


def tables(sql: str, dialect: str = "") -> set[str]:
    """The tables that the SQL reads, CTEs left out."""
    found: set[str] = set()
    for tree in sqlglot.parse(sql, read=dialect):
        if tree is None:
            continue
        ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            name = ".".join(part.name for part in table.parts)
            if name and name not in ctes:
                found.add(name)
    return found


# name: (template, tables without a manifest); every model is rendered with the manifest too.
MODELS: dict[str, tuple[str, set[str]]] = {
    "a ref": ("select * from {{ ref('orders') }}", {"orders"}),
    "a ref in a package": ("select * from {{ ref('crm', 'customers') }}", {"customers"}),
    "a versioned ref": ("select * from {{ ref('prices', v=1) }} join {{ ref('prices') }} using (id)", {"prices"}),
    "a source": ("select id from {{ source('raw', 'events') }} e", {"raw.events"}),
    "config first": (
        "{{ config(materialized='table', tags=[\"a\", 'b']) }}\nselect 1 as a from {{ ref('orders') }}",
        {"orders"},
    ),
    "incremental": (
        """{{ config(materialized='incremental', unique_key='id') }}
select id, at from {{ source('raw', 'events') }}
{% if is_incremental() %}
where at > (select coalesce(max(at), '1900-01-01') from {{ this }})
{% endif %}""",
        {"raw.events", "this"},
    ),
    "snapshot": (
        """{% snapshot orders_snapshot %}
{{ config(target_schema='snaps', strategy='check', check_cols=['status'], unique_key='id') }}
select * from {{ ref('orders') }}
{% endsnapshot %}""",
        {"orders"},
    ),
    "loop with a pivot": (
        """{%- set methods = ['card', 'bank', 'gift'] -%}
select order_id,
{% for method in methods -%}
sum(case when method = '{{ method }}' then amount else 0 end) as {{ method }}_amount{% if not loop.last %},{% endif %}
{% endfor %}
from {{ ref('orders') }} group by 1""",
        {"orders"},
    ),
    "inline comma": ("select {% for c in ['a', 'b'] %}{{ c }}{{ ', ' if not loop.last }}{% endfor %} from t", {"t"}),
    "loop over an unknown list": (
        """{% set names = dbt_utils.get_column_values(ref('orders'), 'status') %}
select {% for name in names %} count(case when status = '{{ name }}' then 1 end) as n_{{ name }}
{% if not loop.last %},{% endif %} {% endfor %} from {{ ref('orders') }}""",
        {"orders"},
    ),
    "loop over a query's answer": (
        """{% set found = run_query('select distinct region from ' ~ ref('customers')) %}
{% if execute %}{% set regions = found.columns[0].values() %}{% else %}{% set regions = [] %}{% endif %}
select id {% for r in regions %}, max(case when region = '{{ r }}' then 1 end) as "in_{{ r }}" {% endfor %}
from {{ ref('customers') }} group by id""",
        {"customers"},
    ),
    "loop over a dictionary": (
        """{% set sums = {'net': 'amount', 'gross': 'amount + tax'} %}
select {% for name, how in sums.items() %}sum({{ how }}) as {{ name }}{{ "," if not loop.last else "" }} {% endfor %}
from {{ ref('orders') }}""",
        {"orders"},
    ),
    "star of dbt_utils": (
        "select {{ dbt_utils.star(from=ref('orders'), except=['id']) }} from {{ ref('orders') }}",
        {"orders"},
    ),
    "surrogate key": (
        "select {{ dbt_utils.generate_surrogate_key(['a', 'b']) }} as k from {{ ref('orders') }}",
        {"orders"},
    ),
    "union of relations": (
        "with u as ({{ dbt_utils.union_relations(relations=[ref('orders'), ref('customers')]) }}) select * from u",
        {"orders", "customers"},
    ),
    "an unknown macro over relations": (
        "select * from ({{ stack([ref('orders'), ref('clean')]) }}) x",
        {"orders", "clean"},
    ),
    "an unknown macro is all there is": ("{{ build_it(ref('orders'), 'status') }}", {"orders"}),
    "an unknown table macro": ("select * from {{ dedupe(ref('orders')) }} as o", {"orders"}),
    "an ephemeral model": (
        "select * from {{ ref('clean') }} c join {{ ref('orders') }} o on o.id = c.id",
        {"clean", "orders"},
    ),
    "macro in the same file": (
        """{% macro cents(column, places=2) -%}
round({{ column }} / 100.0, {{ places }})
{%- endmacro %}
select {{ cents('amount') }} as amount, {{ cents('tax', places=4) }} as tax from {{ ref('orders') }}""",
        {"orders"},
    ),
    "macros that call each other": (
        """{% macro outer(c) %}coalesce({{ inner(c) }}, 0){% endmacro %}
{% macro inner(c) %}nullif({{ c }}, ''){% endmacro %}
select {{ outer('a') }} as a from {{ ref('orders') }}""",
        {"orders"},
    ),
    "macro that returns": (
        """{% macro wanted() %}{{ return(['a', 'b']) }}{% endmacro %}
select {{ wanted() | join(', ') }} from {{ ref('orders') }}""",
        {"orders"},
    ),
    "captured set": (
        """{% set condition %}
  status = 'paid' and amount > {{ var('least', 10) }}
{% endset %}
select * from {{ ref('orders') }} where {{ condition }}""",
        {"orders"},
    ),
    "call statement": (
        """{% call statement('newest', fetch_result=True) %}
select max(at) from {{ ref('customers') }}
{% endcall %}
{% set newest = load_result('newest')['data'][0][0] %}
select * from {{ ref('orders') }} where at > '{{ newest }}'""",
        {"orders"},
    ),
    "main statement": (
        "{% call statement('main') %}insert into a select x from {{ ref('orders') }}{% endcall %}",
        {"a", "orders"},
    ),
    "both branches": (
        "select * from {% if target.type == 'none' %}{{ ref('clean') }}{% else %}{{ ref('orders') }}{% endif %} t",
        {"clean"},
    ),
    "elif by a constant": (
        "{% set mode = 2 %}select * from {% if mode == 1 %}a{% elif mode == 2 %}b{% else %}c{% endif %}",
        {"b"},
    ),
    "limit in development": (
        "select * from {{ ref('orders') }}\n{% if target.name == 'dev' %} limit {{ var('rows') }} {% endif %}",
        {"orders"},
    ),
    "variables": (
        "select '{{ var(\"cutoff\", '2020-01-01') }}' as d, {{ var('n', 5) }} as n"
        " from {{ ref('orders') }} where x = {{ var('y') }}",
        {"orders"},
    ),
    "environment": (
        "select * from {{ env_var('RAW_DB', 'raw') }}.s.t join {{ env_var('HOME') }}.u using (id)",
        {"raw.s.t", "HOME.u"},
    ),
    "nested quotes": (
        """select "{{ 'it' }}" as a, '{{ "it''s" }}' as b, 'x{{ "{{" }}y' as c from {{ ref("orders") }}""",
        {"orders"},
    ),
    "comments": (
        "{# {{ ref('no') }} #}\n-- {{ ref('orders') }} isn't read here\n"
        "select 1 as a /* {% if x %} */ from t /* {% endif %} */",
        {"t"},
    ),
    "raw": ("select '{% raw %}{{ ref(\"no\") }}{% endraw %}' as a from t", {"t"}),
    "do and append": (
        """{% set cols = [] %}{% for c in ['a', 'b'] %}{% do cols.append('max(' ~ c ~ ') as ' ~ c) %}{% endfor %}
select {{ cols | join(', ') }} from {{ ref('orders') }}""",
        {"orders"},
    ),
    "namespace": (
        """{% set ns = namespace(found='') %}{% for c in ['a', 'b'] %}{% set ns.found = c %}{% endfor %}
select {{ ns.found }} from {{ ref('orders') }}""",
        {"orders"},
    ),
    "cross-database macros": (
        """select {{ dbt.date_trunc('day', 'at') }} as d, {{ dbt.safe_cast('a', dbt.type_string()) }} as a,
{{ dbt.datediff('a', 'b', 'day') }} as n, cast(x as {{ my_type() }}) as x from {{ ref('orders') }}""",
        {"orders"},
    ),
    "group by": ("select a, b, count(*) as n from {{ ref('orders') }} {{ dbt_utils.group_by(n=2) }}", {"orders"}),
    "Airflow": (
        """insert into {{ params.schema }}.{{ params.table }}
select * from raw.plain where day = '{{ ds }}' and hour >= {{ execution_date.hour }}
and at < timestamp '{{ macros.ds_add(ds, 7) }} 00:00:00'""",
        {"params_schema.params_table", "raw.plain"},
    ),
    "names in pieces": (
        "select * from sales_{{ ds_nodash }} s join `p.{{ dataset }}.t` on true",
        {"sales_ds_nodash", "p.dataset.t"},
    ),
    "jinja at the end": ("select a from {{ ref('orders') }} o {{ only_in_dev() }}", {"orders"}),
    "no model's own blocks": ("{% docs about %}It's text.{% enddocs %}\nselect a from {{ ref('orders') }}", {"orders"}),
    "hooks": ("{{ config(pre_hook=\"delete from {{ this }}\") }} select a from {{ ref('orders') }}", {"orders"}),
}
BY_MANIFEST = {
    "orders": {"lake.core.orders_v1"},
    "customers": {"lake.core.customers"},
    "clean": {"clean"},
    "raw.events": {"landing.web.events_2024"},
    "prices": {"lake.core.prices_v1", "lake.core.prices_v2"},
}


@pytest.mark.parametrize("name", MODELS)
def test_a_neutralised_model_parses_and_reads_its_tables(name: str) -> None:
    template, expected = MODELS[name]
    found = neutralise(template)
    dialect = "bigquery" if "`" in template else ""
    assert tables(found.text, dialect) == expected
    assert found.text.count("\n") == template.count("\n")
    assert not is_template(found.text) or name in ("raw", "nested quotes")


@pytest.mark.parametrize("name", MODELS)
def test_a_rendered_model_names_the_manifests_relations(name: str) -> None:
    template, expected = MODELS[name]
    found = render(template, MANIFEST)
    assert not [note for note in found.notes if "not rendered" in note.text]
    if name == "both branches":  # the manifest tells the adapter
        expected = {"orders"}
    named = {relation for table in expected for relation in BY_MANIFEST.get(table, {table})}
    if name == "a ref in a package":
        named = {"crm.customers"}
    assert tables(found.text, "bigquery" if "`" in template else "") == named
    assert len(found.lines) == found.text.count("\n") + 1


def test_lines_of_both_are_those_of_the_template() -> None:
    template = "{% set x %}\na\n{% endset %}\n"
    template += "{% for c in ['a',\n'b'] %}\nselect {{ c }}\nfrom t;\n{% endfor %}\nselect z from u"
    still = neutralise(template)
    assert still.text.split("\n")[8] == "select z from u" and still.line(9) == 9
    assert still.text.split("\n")[5:7] == ["select a", "from t;"]
    rendered = render(template, MANIFEST)
    lines = rendered.text.split("\n")
    assert {rendered.line(at + 1) for at, line in enumerate(lines) if line.startswith("select")} == {6, 9}
    assert {rendered.line(at + 1) for at, line in enumerate(lines) if line == "from t;"} == {7}


def test_every_round_of_a_known_loop_is_written() -> None:
    template, _ = MODELS["loop with a pivot"]
    for found in (neutralise(template), render(template, MANIFEST)):
        tree = sqlglot.parse_one(found.text)
        assert isinstance(tree, exp.Select)
        assert [column.alias_or_name for column in tree.selects] == [
            "order_id",
            "card_amount",
            "bank_amount",
            "gift_amount",
        ]


def test_a_comment_in_a_loop_does_not_swallow_the_next_round() -> None:
    found = neutralise("select {% for c in ['a', 'b'] %}\n-- it's {{ c }}\n{{ c }}, {% endfor %} 1 as one from t")
    assert {column.name for column in sqlglot.parse_one(found.text).find_all(exp.Column)} == {"a", "b"}


@pytest.mark.parametrize(
    ("template", "materialized"),
    [
        ("{{ config(materialized='view') }} select 1", "view"),
        ("{{ config({'materialized': 'incremental'}) }} select 1", "incremental"),
        ("{{ config(materialized='ephemeral') }} select 1", "ephemeral"),
        ("{{ config(tags='a') }} select 1", None),
        ("{% snapshot s %}select 1{% endsnapshot %}", "snapshot"),
    ],
)
def test_config_says_how_a_model_is_kept(template: str, materialized: str | None) -> None:
    assert neutralise(template).materialized == materialized
    assert render(template, MANIFEST).materialized == materialized


def test_refs_are_told_in_order_without_quotes() -> None:
    template = (
        "select * from {{ source('raw', 'events') }}, {{ ref('orders') }}, {{ ref('other') }}, {{ ref('orders') }}"
    )
    assert neutralise(template).refs == ("raw.events", "orders", "other")
    assert render(template, MANIFEST).refs == ("landing.web.events_2024", "lake.core.orders_v1", "other")


def test_this_is_the_model_that_is_named() -> None:
    assert tables(render("select * from {{ this }}", MANIFEST, model="orders").text) == {"lake.core.orders_v1"}


def test_variables_of_the_caller_go_before_the_manifests_and_are_names_too() -> None:
    template = "select '{{ var('cutoff') }}' as c from {{ params.table }}"
    assert render(template, MANIFEST, {"params": {"table": "s.t"}}).text == "select '2024-01-01' as c from s.t"
    said = {"cutoff": "now", "params": {"table": "s.t"}, "ref": "hidden"}
    assert render(template, MANIFEST, said).text == "select 'now' as c from s.t"
    assert neutralise(template, None, said).text == "select 'now' as c from s.t"


def test_what_was_guessed_is_noted_with_its_line() -> None:
    found = neutralise("select a\nfrom t\nwhere b = {{ var('x') }}\n{% if later %}and c{% endif %}")
    assert [note.line for note in found.notes] == [3, 4]
    assert "x is not known, read as null" in found.notes[0].text
    assert "taken as true: later" in found.notes[1].text
    assert render("select 1\n\nfrom {{ what }}", MANIFEST).notes[0].line == 3


def test_the_environment_is_never_read() -> None:
    name, value = next((name, value) for name, value in os.environ.items() if len(value) > 8)
    for found in (
        neutralise(f"select '{{{{ env_var('{name}') }}}}'"),
        render(f"{{{{ env_var('{name}') }}}}", MANIFEST),
    ):
        assert value not in found.text


def test_a_macro_given_columns_is_a_function_of_them() -> None:
    found = neutralise("select {{ to_euro('o.amount', 'day') }} as euro from o")
    assert [column.sql() for column in sqlglot.parse_one(found.text).find_all(exp.Column)] == ["o.amount"]


MALICIOUS = [
    "{{ ''.__class__.__mro__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ config.get.__func__.__globals__ }}{{ ref.__self__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{% for i in range(10**12) %}x{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}" + "x" * 1000 + "{% endfor %}",
    "{% for a in [1, 2, 3] %}" * 50 + "a" + "{% endfor %}" * 50,
    "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "{{ 'x' * 10**10 }}{{ 10**10 * 'x' }}{{ [1] * 10**10 }}",
    "{{ 10**10**10 }}{{ 2**64**64 }}",
    "{{ 'x'|center(10**10) }}{{ 'x'.ljust(10**10) }}{{ 'x'|indent(10**10) }}",
    "{{ '%99999999999d' % 1 }}{{ '%*d' % (10**10, 1) }}",
    "{{ '{:>9999999999}'.format(1) }}{{ '{:{}}'.format(1, '9999999999') }}",
    "{{ 'a'.replace('', 'b' * 90000).replace('', 'c' * 90000) }}{{ (range(90000)|list)|join('x' * 90000) }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
    "{% set x %}aaaaaaaaaa{% endset %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60 + "{{ x }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}{{ a == a }}",
    "{% set l = [] %}{% for i in range(50000) %}{% do l.append(l) %}{% endfor %}{{ l }}",
    "{% set l = [1] %}" + "{% do l.extend(l) %}" * 60 + "{{ l }}",
    "{{ lipsum(10**9) }}{% include '/etc/passwd' %}{% import 'os' as os %}{{ os.getcwd() }}",
    "{{ " + "(" * 5000 + ")" * 5000 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "a ~ " * 20000 + "a }}",
    "{% if a %}" * 5000,
    "{{ x }}" * 20000,
    "{{" * 50000,
    "{{ x " * 5000,
    "{% for x in %}{{ loop }}{% endfor %}",
    "{% if %}{% endfor %}{% else %}{% set %}{% set = %}{% set x = %}{% call %}{% macro %}",
    "{{ $ }}{% ! %}{{ 'open }}\nselect 1",
    "{#",
    "{% raw %}",
    "\x02\x03\x04 \x05{{ x }}\x04" + "9\x05",
]


@pytest.mark.parametrize("template", MALICIOUS, ids=range(len(MALICIOUS)))
def test_no_template_escapes_hangs_or_fails(template: str) -> None:
    started = time.process_time()
    for found in (neutralise("select a from t\n" + template), render("select a from t\n" + template, MANIFEST)):
        assert found.text.startswith("select a from t\n")
        assert len(found.text) < 10_000_000
        assert not any(said in found.text for said in ("<class", "0x", "site-packages", "root:"))
    assert time.process_time() - started < 15


def test_a_broken_tag_costs_only_itself() -> None:
    found = neutralise("select a from {{ ref('x') }}, {{ $$ }} b\nwhere {{ c \nand d = {{ 1 }}")
    assert "x" in tables(found.text.split("where")[0])
    assert found.text.endswith("and d = 1")
    assert any("not readable" in note.text for note in found.notes)


def test_a_failing_template_is_still_neutralised_by_the_manifest() -> None:
    found = render("{{ 1 / 0 }}{{ config(materialized='view') }}select a from {{ ref('orders') }}", MANIFEST)
    assert found.refs == ("lake.core.orders_v1",)
    assert found.materialized == "view"
    assert found.notes[0].text.startswith("not rendered, so read piece by piece")


def test_callers_values_cannot_be_changed() -> None:
    said = {"list": [1]}
    render("{% do list.append(2) %}{{ list }}", MANIFEST, said)
    neutralise("{% do list.append(2) %}{{ list }}", None, said)
    assert said == {"list": [1]}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "{{",
                "}}",
                "{%",
                "%}",
                "{#",
                "#}",
                "'",
                '"',
                "`",
                "\n",
                " ",
                "select a from t",
                "ref('x')",
                "x",
                "(",
                ")",
                "[1, 2]",
            ]
            + [
                "if x",
                "else",
                "elif y",
                "endif",
                "for i in",
                "endfor",
                "set y =",
                "set z",
                "endset",
                "macro m(a)",
                "endmacro",
            ]
            + [
                "call statement('a')",
                "endcall",
                "raw",
                "endraw",
                "-",
                "--",
                "/*",
                "*/",
                "loop.last",
                ",",
                "|join",
                "~",
                ";",
                ".",
            ]
        ),
        max_size=40,
    )
)
def test_any_mixture_of_tokens_is_answered_in_place(parts: list[str]) -> None:
    template = " ".join(parts)
    found = neutralise(template)
    assert found.text.count("\n") == template.count("\n")
    assert isinstance(render(template, Manifest()), Rendered)


def test_a_plain_text_is_left_as_it_is() -> None:
    sql = "select '{' || a || '}' from t -- 100 % of it\n"
    assert not is_template(sql)
    assert neutralise(sql) == Rendered(sql)
    assert render(sql, MANIFEST).text == sql


def test_a_long_template_is_read_in_linear_time() -> None:
    line = "select a, {{ b }} as b from {{ ref('x') }} where c = '{{ ds }}';\n"
    started = time.process_time()
    assert neutralise(line * 5000).text.count("from x") == 5000
    assert time.process_time() - started < 10


class TestReadManifest:
    def test_from_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
        assert read_manifest(path) == MANIFEST

    def test_an_own_model_goes_before_a_packages(self) -> None:
        own, other = MANIFEST.model("customers"), MANIFEST.model("customers", "crm")
        assert own is not None and own.dotted == "lake.core.customers"
        assert other == "crm.customers"

    def test_versions(self) -> None:
        assert [MANIFEST.model("prices", version=version) for version in (1, "2", None)] == [
            "lake.core.prices_v1",
            "lake.core.prices_v2",
            "lake.core.prices_v2",
        ]

    def test_a_relation_from_its_parts(self) -> None:
        document = {"nodes": {"seed.s.a b": {"name": "a b", "schema": "s"}}, "sources": {}}
        found = read_manifest(document).model("a b")
        assert found == 's."a b"' and found.dotted == "s.a b"

    def test_parts_from_a_relation(self) -> None:
        document = {"nodes": {"model.s.a": {"name": "a", "relation_name": "`p`.`d`.`a_1`"}}, "sources": {}}
        found = read_manifest(document).model("a")
        assert found is not None and found.dotted == "p.d.a_1"

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({}, "nodes"),
            ({"nodes": [], "sources": {}}, "nodes"),
            ({"nodes": {}}, "sources"),
            ({"nodes": {"model.a": 1}, "sources": {}}, "nodes.model.a"),
            ({"nodes": {"model.a": {}}, "sources": {}}, "nodes.model.a.name"),
            ({"nodes": {"model.a": {"name": "a", "schema": 1}}, "sources": {}}, "nodes.model.a.schema"),
            ({"nodes": {}, "sources": {"s": {"name": "a"}}}, "sources.s.source_name"),
            ({"nodes": {}, "sources": {}, "vars": []}, "vars"),
            ({"nodes": {}, "sources": {}, "metadata": 3}, "metadata"),
        ],
    )
    def test_an_error_names_the_field(self, document: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidInput) as raised:
            read_manifest(document)
        assert raised.value.field == field

    def test_a_file_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            read_manifest(tmp_path / "none.json")
        (tmp_path / "bad.json").write_text("{", encoding="utf-8")
        with pytest.raises(InvalidInput):
            read_manifest(tmp_path / "bad.json")
        (tmp_path / "list.json").write_text("[]", encoding="utf-8")
        with pytest.raises(InvalidInput):
            read_manifest(tmp_path / "list.json")
