"""How a run says which firing of a rule had it started: by a facet of ours, or by a run id of an orchestrator.

The facet `andon_cause` is for whoever sends OpenLineage events: `{"firing": "<id>"}`, the id that messages of a rule
carry. Airflow's facets `airflow` and `airflowDagRun` hold the DAG run's id, which is ours where an action started it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

CAUSE_FACET = "andon_cause"
AIRFLOW_FACETS = ("airflowDagRun", "airflow")  # of a DAG's run, and of each task's; Airflow's provider, 2.x
MARK = b"andon_"
"""What the bytes of a run's facets hold where they may name a firing."""

_RUN_ID = re.compile(r"andon__([0-9a-f]{32})__[0-9a-f]{32}")
_LONGEST = 200  # characters


def run_id(firing: str, key: str) -> str:
    """The id of a run that the action of `key` starts, once, for a firing."""
    return f"andon__{firing}__{key}"


def firing_named(facets: Mapping[str, bytes]) -> str | None:
    """The id of the firing that a run's facets name; None where they name none. A run can name what never was."""
    said = _field(facets.get(CAUSE_FACET), "firing")
    if said is not None and 0 < len(said) <= _LONGEST:
        return said
    for key in AIRFLOW_FACETS:
        found = _RUN_ID.fullmatch(_field(facets.get(key), "dagRun", "run_id") or "")
        if found is not None:
            return found[1]
    return None


def _field(facet: bytes | None, *path: str) -> str | None:
    try:
        value = json.loads(facet) if facet is not None else None
    except (ValueError, RecursionError):
        return None
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
