"""Brings what no event tells of the demo estate into an Andon: its catalogue, its costs, its policies."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.remote import Remote
from api.sources import charge, govern
from examples.shop.catalogue import documents
from examples.shop.costs import export
from examples.shop.history import SEED, latest_batch
from graph.model import to_instant
from ontology import load as load_ontology

POLICIES = Path(__file__).with_name("policies")
EXPORTS = (3, 0)
"""The nights after which the provider made an export of the costs."""


def load_beside(
    url: str,
    api_key: str | None = None,
    now: datetime | None = None,
    seed: int = SEED,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Send it for the days before `now` (default: the clock), once the events are in.

    Sending the same hour twice changes nothing. Raises `graph.errors.AndonError` when the service refuses.
    """
    batch = latest_batch(now or datetime.now(UTC))
    ontology = load_ontology()
    with Remote(url, api_key or "") as remote:
        for document in documents(batch):
            remote.tell(json.dumps(document).encode())
        _, found = govern(remote, POLICIES, ontology, "policies", to_instant(batch - timedelta(days=5)))
        say(f"{found.policies} policies")
        for night in EXPORTS:
            with tempfile.TemporaryDirectory(prefix="andon-costs-") as folder:
                path = Path(folder) / "costs.csv"
                path.write_text(export(batch, night, seed), newline="")
                made = batch - timedelta(days=night) + timedelta(minutes=100)
                _, tally, _ = charge(remote, path, ontology, ("andon",), to_instant(made))
        say(f"{tally.charges} charges, {tally.by_rule.get('', 0)} of them for nothing that the graph knows")
