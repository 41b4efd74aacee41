"""Queries in the manner of TPC-H and TPC-DS, written for those specifications' tables, with fixed parameters.

They are no TPC benchmark: they serve to read SQL of that kind, and are run on no data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import exp

FOLDER = Path(__file__).parent
DIALECT = "postgres"
SUITES = ("h", "ds")


@dataclass(frozen=True, slots=True)
class Query:
    """`name` is `h/01` to `h/22` or `ds/01` to `ds/99`."""

    name: str
    sql: str

    @property
    def suite(self) -> str:
        return self.name.partition("/")[0]


@cache
def queries() -> tuple[Query, ...]:
    return tuple(
        Query(f"{suite}/{path.stem}", path.read_text())
        for suite in SUITES
        for path in sorted((FOLDER / suite).glob("*.sql"))
    )


def tables(suite: str) -> str:
    """The CREATE TABLE statements of a suite."""
    return (FOLDER / f"{suite}_schema.sql").read_text()


@cache
def schema(suite: str) -> Mapping[str, Mapping[str, str]]:
    """{table: {column: type}} of a suite."""
    return {
        create.this.this.name: {
            column.name: column.args["kind"].sql(DIALECT)
            for column in create.this.expressions
            if isinstance(column, exp.ColumnDef)
        }
        for create in sqlglot.parse(tables(suite), dialect=DIALECT)
        if isinstance(create, exp.Create)
    }
