"""What Kanban Coffee has (`DATASETS`, `JOBS`), and what happened to it this week.

From left to right: the shop's and the warehouse's Postgres, a click stream and files that partners drop -> a
lake and the raw layer of the warehouse -> staging views -> marts -> features, two models, three dashboards.
Nights count back from the latest batch, which is night 0.
"""

from __future__ import annotations

from examples.shop.datasets import DATASETS
from examples.shop.jobs import CLICK_STREAM, DASHBOARD_JOBS, HOUSEKEEPING, JOBS

__all__ = [
    "CLICK_STREAM",
    "DASHBOARD_JOBS",
    "DATASETS",
    "DROP_NIGHT",
    "ERROR_MESSAGE",
    "ERROR_STACK",
    "FAILING_COLUMN",
    "FAILING_JOB",
    "FAILING_NIGHT",
    "FIRST_NIGHT",
    "HOUSEKEEPING",
    "JOBS",
    "RENAME_NIGHT",
    "SCHEMA_CHANGE_NIGHT",
]

FIRST_NIGHT = 4
"""The oldest batch; sources, the click stream and dashboards were there before."""

SCHEMA_CHANGE_NIGHT = 2
"""From this night on `orders` has `discount_code` and `discount_cents` where it had `coupon`."""

RENAME_NIGHT = 3
"""After this night's batch `mart_ad_performance` is called `mart_marketing_roi`."""

DROP_NIGHT = 3
"""After this night's batch the scratch table is dropped."""

FAILING_JOB = "shop_marts.fct_payments"
FAILING_NIGHT = 0
FAILING_COLUMN = ("stg_settlements", "fee")
ERROR_MESSAGE = (
    "Database Error in model fct_payments (models/marts/fct_payments.sql)\n"
    "  100038 (22018): Numeric value '1,35 EUR' is not recognized"
)
ERROR_STACK = (
    "snowflake.connector.errors.ProgrammingError: 100038 (22018): 01c0a7f2-0605-a1d4-0004-7d8a0001\n"
    "Numeric value '1,35 EUR' is not recognized\n"
    "  compiled code at target/compiled/shop_marts/models/marts/fct_payments.sql"
)
