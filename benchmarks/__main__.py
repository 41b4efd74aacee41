"""Measures Andon on this machine: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import psutil

from benchmarks import (
    crash,
    gate,
    growth,
    ingest,
    projector,
    propagation,
    questions,
    rdf,
    restart,
    rules,
    soak,
    sparql,
    sql,
)  # fmt: skip
from benchmarks.noise import Noise
from benchmarks.report import Section
from benchmarks.workbench import Workbench

_BY_DEFAULT = {
    "embedded": (
        "ingest",
        "lineage",
        "restart",
        "growth",
        "projector",
        "sql",
        "rdf",
        "rdf-lag",
        "sparql",
        "gate",
        "propagation",
        "rules",
    ),  # fmt: skip
    "server": ("loading", "lineage", "lag", "throughput"),
}
_SIZES = {"embedded": "1000,10000", "server": "1000,10000,100000"}


def main() -> int:
    options = _options()
    datasets = tuple(sorted(int(it) for it in options.datasets.split(",")))
    found: list[Section] = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-bench-"))
        bench = Workbench(Path(folder), options.quick, datasets)
        sections = _sections(bench, options) if options.stack == "embedded" else _server_sections(bench, stack)
        print(f"{_machine()}\n")
        for name in _chosen(options, sections):
            print(f"{name} ...", file=sys.stderr, flush=True)
            noise = Noise()
            section = sections[name]()
            section.notes.append(noise.told())
            print(f"{section.text()}\n", flush=True)
            found.append(section)
            if options.json:
                options.json.write_bytes(msgspec.json.format(msgspec.json.encode(_report(options, found))))
    return int(any(section.broken for section in found))


def _sections(bench: Workbench, options: argparse.Namespace) -> Mapping[str, Callable[[], Section]]:
    return {
        "ingest": lambda: ingest.measure(bench),
        "lineage": lambda: questions.measure(bench),
        "restart": lambda: restart.measure(bench),
        "growth": lambda: growth.measure(bench),
        "projector": lambda: projector.measure(bench.folder, bench.datasets, 1_000 if bench.quick else 5_000),
        "sql": lambda: sql.measure(bench),
        "rdf": lambda: rdf.measure(bench),
        "rdf-lag": lambda: rdf.measure_lag(bench),
        "sparql": lambda: sparql.measure(bench),
        "gate": lambda: gate.measure(bench),
        "propagation": lambda: propagation.measure(bench),
        "rules": lambda: rules.measure(bench),
        "crash": lambda: crash.measure(bench, options.crash or (10 if bench.quick else 200)),
        "soak": lambda: soak.measure(bench, options.soak or (0.5 if bench.quick else 15)),
    }


def _server_sections(bench: Workbench, stack: ExitStack) -> Mapping[str, Callable[[], Section]]:
    from benchmarks import server_stack  # needs the drivers of both servers

    return server_stack.sections(bench, stack)


def _chosen(options: argparse.Namespace, sections: Mapping[str, object]) -> list[str]:
    if options.only:
        names = options.only.split(",")
        if unknown := [name for name in names if name not in sections]:
            sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(sections)}")
        return list(names)
    asked = [name for name in ("crash", "soak") if getattr(options, name) is not None]
    return asked or list(_BY_DEFAULT[options.stack])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Andon on this machine, on loopback, in a temporary folder. docs/benchmarks.md"
        " says what each figure means. Without options: all sections but crash and soak, about 15 minutes.",
    )
    parser.add_argument(
        "--stack",
        choices=tuple(_BY_DEFAULT),
        default="embedded",
        help="server: on a PostgreSQL and a Neo4j of its own, beside embedded (default: embedded)",
    )
    parser.add_argument("--quick", action="store_true", help="a first look: 1,000 datasets, short runs")
    parser.add_argument(
        "--datasets", help="sizes of the estate, at least 80 each (default: 1000,10000; 100000 too by --stack server)"
    )
    parser.add_argument(
        "--only",
        help="sections: ingest, lineage, restart, growth, projector, sql, rdf, rdf-lag, sparql, gate, propagation,"
        " rules, crash, soak; by --stack server: loading, lineage, lag, throughput",
    )
    parser.add_argument("--crash", type=int, nargs="?", const=200, metavar="N", help="kill it N times under load (200)")
    parser.add_argument(
        "--soak", type=float, nargs="?", const=15, metavar="MINUTES", help="memory under steady load (15)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    options.datasets = options.datasets or ("1000" if options.quick else _SIZES[options.stack])
    return options


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB,"
        f" Python {platform.python_version()}; {time.strftime('%Y-%m-%d %H:%M')}; clients and service share the cores"
    )


def _report(options: argparse.Namespace, found: Sequence[Section]) -> dict[str, object]:
    return {
        "machine": _machine(),
        "stack": options.stack,
        "quick": options.quick,
        "datasets": options.datasets,
        "sections": [it.as_json() for it in found],
    }


if __name__ == "__main__":
    sys.exit(main())
