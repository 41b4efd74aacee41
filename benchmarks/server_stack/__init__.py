"""The server stack beside the embedded one: `python -m benchmarks --stack server`.

`servers` runs PostgreSQL and Neo4j, `loading` brings estates into them the bulk way; `lineage`, `lag` and `throughput`
measure. What is measured on, sent and asked is that of the embedded benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from benchmarks.report import Section
from benchmarks.server_stack import lag, lineage, loading, throughput
from benchmarks.server_stack.servers import Servers
from benchmarks.workbench import Workbench


def sections(bench: Workbench, running: ExitStack) -> Mapping[str, Callable[[], Section]]:
    """By name; the servers that they start end with `running`."""
    estates = loading.Estates(bench, running.enter_context(Servers(bench.folder)))
    return {
        "loading": lambda: loading.measure(estates),
        "lineage": lambda: lineage.measure(estates),
        "lag": lambda: lag.measure(estates),
        "throughput": lambda: throughput.measure(estates),
    }


__all__ = ["sections"]
