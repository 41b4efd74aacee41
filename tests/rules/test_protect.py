"""Protection on a real PostgreSQL: what was read before is denied after, and a name of the graph is but a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
import pytest

from graph.errors import InvalidInput
from graph.model import Change, Instant, Position, make_urn, parse_instant, parse_urn
from graph.reader import EntityRecord
from ontology import Ontology
from rules import Rule, RuleFault, read_rule
from rules.action import Occasion
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused
from rules.actions.protect import Protections
from rules.impact import Hit
from rules.outbox import Intended
from tests.servers.postgres import PostgresServer

AT = parse_instant("2026-06-01T00:00:00Z")
NAMESPACE = "postgres://warehouse:5432"
TABLE = 'crm."We""ird; DROP TABLE keep; --"'
HOSTILE = 'We"ird; DROP TABLE keep; --'
SETUP = f"""
DO $$ BEGIN CREATE ROLE analyst LOGIN PASSWORD 'analyst'; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE auditor LOGIN PASSWORD 'auditor'; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO analyst, auditor;
CREATE TABLE keep (id int);
CREATE TABLE crm.people (id int, email varchar(80), phone text, region text, seen timestamptz);
INSERT INTO crm.people VALUES
    (1, 'ana@example.com', '123', 'EU', '2020-01-01Z'), (2, 'ben@example.com', '456', 'US', '2026-05-01Z');
GRANT SELECT ON crm.people TO analyst, auditor;
CREATE TABLE {TABLE} ("e'mail"" %s" text, id int);
INSERT INTO {TABLE} VALUES ('x@example.com', 1);
GRANT SELECT ("e'mail"" %s", id) ON {TABLE} TO analyst;
"""


@dataclass
class Warehouse:
    url: str
    words: Ontology
    references: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.references["ANDON_WAREHOUSE"] = self.url

    @property
    def database(self) -> str:
        return urlsplit(self.url).path[1:]

    def rule(self, said: str) -> Rule:
        text = (
            "rule: r\nversion: 1\non: {change: tag.reached, type: Column}\ndo:\n"
            f"  - protect: {{namespace: '{NAMESPACE}', database: '${{ANDON_WAREHOUSE}}', {said}}}\n"
        )
        return read_rule(text.encode(), "r.yaml", self.words, self.references)

    def ordered(self, said: str, table: str = "people", column: str = "") -> Intended:
        kind = "column" if column else "dataset"
        urn = make_urn(kind, NAMESPACE, f"{self.database}.crm.{table}", column)
        name = parse_urn(urn)
        entity = EntityRecord(1, kind, "Column", name.namespace, name.path or name.name, urn, Instant(0), Instant(0))
        rule = self.rule(said)
        occasion = Occasion(rule, Change(Position(3), "tag.reached", urn, AT), "f1", AT, None)
        order = rule.actions[0].order("k1", occasion, Hit(entity, (urn,), ()), None)
        return Intended(
            key="k1", firing="f1", kind="protect", target=urn, owner="", address=order.address, credential=None,
            body=order.body, evidence=(),
        )  # fmt: skip

    def protect(self, said: str, table: str = "people", column: str = "") -> Outcome:
        return self.deliver(self.ordered(said, table, column))

    def deliver(self, intended: Intended) -> Outcome:
        address = urlsplit(self.url)
        allowed = frozenset({f"{address.hostname}:{address.port}"})
        return Protections(self.references, allowed).deliver(intended, AT)

    def ask(self, query: str, role: str | None = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            if role is not None:
                connection.execute(cast(Any, f"SET ROLE {role}"))
            return connection.execute(cast(Any, query)).fetchall()


@pytest.fixture
def warehouse(postgres: PostgresServer, words: Ontology) -> Iterator[Warehouse]:
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(cast(Any, SETUP))
    yield Warehouse(url, words)


def result(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Delivered), outcome
    assert outcome.result is not None
    return json.loads(json.dumps(outcome.result))


REVOKE = "revoke: {privileges: [SELECT], from: [analyst]}"


def test_a_column_that_was_read_by_a_grant_on_its_table_is_denied_and_the_others_are_not(warehouse: Warehouse) -> None:
    assert warehouse.ask("SELECT email FROM crm.people WHERE id = 1", "analyst") == [("ana@example.com",)]

    said = result(warehouse.protect(REVOKE, column="email"))

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        warehouse.ask("SELECT email FROM crm.people", "analyst")
    assert warehouse.ask("SELECT id, phone, region FROM crm.people WHERE id = 1", "analyst") == [(1, "123", "EU")]
    assert warehouse.ask("SELECT email FROM crm.people WHERE id = 1", "auditor") == [("ana@example.com",)]
    assert (said["before"], said["after"]) == ({"analyst": {"SELECT": True}}, {"analyst": {"SELECT": False}})
    assert said["statements"] == [
        'REVOKE SELECT ON "crm"."people" FROM "analyst"',
        'GRANT SELECT("id", "phone", "region", "seen") ON "crm"."people" TO "analyst"',
    ]


def test_what_is_done_already_is_done(warehouse: Warehouse) -> None:
    warehouse.protect(REVOKE, column="email")

    assert result(warehouse.protect(REVOKE, column="email"))["statements"] == []
    assert warehouse.ask("SELECT phone FROM crm.people WHERE id = 1", "analyst") == [("123",)]


def test_what_would_not_hold_is_undone_and_refused(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.url, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON crm.people TO PUBLIC")

    outcome = warehouse.protect(REVOKE, column="email")

    assert isinstance(outcome, Refused) and "analyst still may SELECT" in outcome.reason
    assert warehouse.ask("SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'analyst'") == [
        (1,)
    ]


def test_names_are_names(warehouse: Warehouse) -> None:
    column = "e'mail\" %s"
    asked = f'SELECT "e\'mail"" %s" FROM {TABLE}'
    assert warehouse.ask(asked, "analyst") == [("x@example.com",)]

    said = result(warehouse.protect(REVOKE, HOSTILE, column))

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        warehouse.ask(asked, "analyst")
    assert warehouse.ask("SELECT count(*) FROM keep") == [(0,)]
    assert said["statements"] == [
        'REVOKE SELECT("e\'mail"" %s") ON "crm"."We""ird; DROP TABLE keep; --" FROM "analyst"'
    ]


def test_the_order_shows_the_statement_and_no_connection(warehouse: Warehouse) -> None:
    intended = warehouse.ordered(REVOKE, column="email")

    assert json.loads(intended.body)["statements"][0] == 'REVOKE SELECT("email") ON "crm"."people" FROM "analyst"'
    assert intended.address == "${ANDON_WAREHOUSE}"
    assert urlsplit(warehouse.url).password not in str(intended)


def test_a_masked_column_is_read_through_a_view_and_masks_add_up(warehouse: Warehouse) -> None:
    warehouse.protect("mask: {as: hash, for: [analyst]}", column="phone")
    said = result(warehouse.protect("mask: {as: redacted, for: [analyst]}", column="email"))

    [row] = warehouse.ask("SELECT id, email, phone FROM crm.people_masked WHERE id = 1", "analyst")
    # printf 123 | sha256sum
    assert row == (1, "redacted", "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        warehouse.ask("SELECT id FROM crm.people", "analyst")
    assert said["view"] == "crm.people_masked"
    assert said["after"] == {"analyst": {"SELECT": False}}


def test_a_view_that_is_of_something_else_is_left_alone(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.url, autocommit=True) as connection:
        connection.execute("CREATE VIEW crm.people_masked AS SELECT id FROM keep")

    outcome = warehouse.protect("mask: {as: 'null', for: [analyst]}", column="email")

    assert outcome == Refused("there is a view of that name, of another kind")


def test_a_role_sees_its_rows_and_the_others_see_all(warehouse: Warehouse) -> None:
    rows = 'rows: {column: region, in: [EU, "o\'x"], for: [analyst], policy: eu_only}'
    for _ in range(2):  # said again, it is the same
        said = result(warehouse.protect(rows))

    assert warehouse.ask("SELECT id FROM crm.people", "analyst") == [(1,)]
    assert warehouse.ask("SELECT count(*) FROM crm.people", "auditor") == [(2,)]
    assert said["after"] == ["andon_everyone", "eu_only"]


def test_what_is_overdue_is_deleted_and_too_much_is_not(warehouse: Warehouse) -> None:
    assert warehouse.protect("delete: {column: region, older_than: 30d, at_most: 5}") == Refused(
        "the column that tells the age holds no instants"
    )
    assert isinstance(warehouse.protect("delete: {column: seen, older_than: 1d, at_most: 1}"), Refused)
    assert warehouse.ask("SELECT count(*) FROM crm.people") == [(2,)]

    said = result(warehouse.protect("delete: {column: seen, older_than: 365d, at_most: 1}"))

    assert (said["deleted"], warehouse.ask("SELECT id FROM crm.people")) == (1, [(2,)])
    assert said["statements"] == [
        'DELETE FROM "crm"."people" WHERE "seen" < CAST(\'2025-06-01T00:00:00Z\' AS TIMESTAMPTZ)'
    ]
    assert result(warehouse.protect("delete: {column: seen, older_than: 365d, at_most: 1}"))["deleted"] == 0


def test_a_wrong_password_is_refused_and_appears_nowhere(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    address = urlsplit(warehouse.url)
    warehouse.references["ANDON_WAREHOUSE"] = address._replace(
        netloc=f"{address.username}:canary-7f3a@{address.hostname}:{address.port}"
    ).geturl()

    outcome = warehouse.protect(REVOKE, column="email")

    assert outcome == Refused("the database does not let us in")
    assert "canary" not in caplog.text + str(warehouse.ordered(REVOKE, column="email"))


def test_a_database_that_is_away_or_another_or_inward_is_not_touched(warehouse: Warehouse) -> None:
    intended = warehouse.ordered(REVOKE, column="email")
    inward = Protections(warehouse.references).deliver(intended, AT)
    other = Intended(**{it: getattr(intended, it) for it in Intended.__slots__} | {
        "body": intended.body.replace(warehouse.database.encode(), b"elsewhere")
    })  # fmt: skip

    assert isinstance(inward, Refused) and "not at a public address" in inward.reason
    assert warehouse.deliver(other) == Refused("the connection is to another database than the dataset's")
    address = urlsplit(warehouse.url)
    warehouse.references["ANDON_WAREHOUSE"] = f"postgresql://u:p@{address.hostname}:1/d"
    away = Protections(warehouse.references, frozenset({f"{address.hostname}:1"})).deliver(intended, AT)
    assert away == Postponed("the database does not answer")


def test_a_name_of_other_parts_is_no_table_of_a_database(warehouse: Warehouse) -> None:
    with pytest.raises(InvalidInput, match="not named"):
        warehouse.protect(REVOKE, "people; DROP TABLE public.keep", "email")


def test_another_dialect_is_shown_and_not_carried_out(warehouse: Warehouse) -> None:
    said = result(warehouse.protect(f"dialect: bigquery, {REVOKE}", column="email"))

    assert said == {"mode": "plan", "statements": ["REVOKE SELECT(`email`) ON `crm`.`people` FROM `analyst`"]}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("revoke: {privileges: [SELECT], from: []}", "expected names of roles"),
        ("revoke: {privileges: [ALL], from: [a]}", "expected some of SELECT"),
        ("revoke: {privileges: [SELECT], from: ['a\"; DROP']}", "expected names of roles"),
        (f"{REVOKE}, mask: {{as: hash, for: [a]}}", "expected one of grant, revoke"),
        ("mask: {as: md5, for: [a]}", "expected one of null, hash, redacted"),
        ("delete: {column: seen, older_than: 1d, at_most: 0}", "whole number from 1"),
        ("delete: {column: seen, older_than: 1d}", "at_most is missing"),
        ("dialect: snowflake, mode: execute, " + REVOKE, "only postgres is carried out"),
        ("dialect: snowflake, mask: {as: hash, for: [a]}", "for dialect: postgres alone"),
        (REVOKE + ", table: x", "unknown key 'table'"),
    ],
)
def test_what_a_rule_cannot_say(said: str, reason: str, words: Ontology) -> None:
    with pytest.raises(RuleFault, match=reason):
        Warehouse("postgresql://u@db.example.com/d", words).rule(said)


def test_a_connection_is_never_written_into_a_rule(words: Ontology) -> None:
    text = b"""rule: r
version: 1
on: {change: tag.reached}
do: [{protect: {namespace: n, database: "postgresql://u:p@db.example.com/d", rows: {}}}]
"""
    with pytest.raises(RuleFault, match="never written into the rule"):
        read_rule(text, "r.yaml", words, {})
