"""OpenLineage events for tests of the doors."""

from __future__ import annotations

import json
from typing import Any


def run_event(run: str = "r1", **changes: Any) -> dict[str, Any]:
    """A COMPLETE of job airflow/copy that reads shop.public.orders and writes shop.public.revenue."""
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-15T06:00:00Z",
        "run": {"runId": run},
        "job": {"namespace": "airflow", "name": "copy"},
        "inputs": [{"namespace": "postgres://shop", "name": "shop.public.orders"}],
        "outputs": [{"namespace": "postgres://shop", "name": "shop.public.revenue"}],
        "producer": "https://example.com/tests",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        **changes,
    }


def encoded(event: object) -> bytes:
    return json.dumps(event).encode()
