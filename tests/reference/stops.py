"""The naive reference of the cord: `standing(envelopes, valid)`, found by walking every way there is.

Built on the reference's own reads and writes; relations of facts (data products, models) are not in it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from tests.reference.state import Envelope, micros, state

Standing = dict[str, dict[str, int]]
"""By entity: the urns of the stops for which it stands, each with the entities on the shortest way, both ends too."""


def standing(envelopes: Sequence[Envelope], valid: int | None = None) -> Standing:
    """What stands at `valid` (None: no upper bound) by all that was received."""
    bodies = [json.loads(it.body) for it in envelopes if it.kind == "mutation"]
    said = [it for it in bodies if valid is None or micros(it["at"]) <= valid]
    ended = {it["urn"] for it in said if it["op"] == "restart"}
    others = [it for it in envelopes if it.kind != "mutation" or json.loads(it.body)["op"] not in ("stop", "restart")]
    graph = state(others, valid)
    below: dict[str, set[str]] = defaultdict(set)
    for source, target in graph.reads | graph.writes:
        below[source].add(target)
    found: Standing = defaultdict(dict)
    for body in said:
        urn = f"urn:andon:stop:andon:{body['stop']}" if body["op"] == "stop" else ""
        target = graph.resolves.get(body["urn"], body["urn"])
        if not urn or urn in ended or target not in graph.entities:
            continue
        reached = {target: 1}
        waiting = [target]
        while waiting:
            here = waiting.pop(0)
            if body["policy"] == "isolate" and here != target and (is_job(here) or not is_job(target)):
                continue
            for it in sorted(below[here] - reached.keys()):
                reached[it] = reached[here] + 1
                waiting.append(it)
        for place, hops in reached.items():
            found[place][urn] = hops
    return dict(found)


def is_job(urn: str) -> bool:
    return urn.startswith("urn:andon:job:")
