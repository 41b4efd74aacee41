"""Restart with data, and memory: after loading, after a restart, after questions."""

from __future__ import annotations

import asyncio

from benchmarks import reference
from benchmarks.estate import Estate
from benchmarks.questions import ask, questions
from benchmarks.report import Section
from benchmarks.service import Andon, bytes_in
from benchmarks.workbench import Workbench


def measure(bench: Workbench) -> Section:
    section = Section(
        "restart",
        "Restart with data, and memory",
        (
            "datasets", "loaded, s", "on disk MB", "ready s", "at last position s", "ready s after kill -9",
            "at last position s ", "RSS MiB loaded", "restarted", "after questions",
            f"RSS MiB, {reference.HEADING}",
        ),
    )  # fmt: skip
    for datasets in bench.datasets:
        loaded = bench.estate(datasets)
        data = bench.copy(datasets)
        size = bytes_in(data) / 1e6
        with Andon(data) as andon:
            ready = andon.wait_ready()
            known = ready + andon.wait_projected(60)[1]
            andon.kill()
        with Andon(data) as andon:
            ready_killed = andon.wait_ready()
            known_killed = ready_killed + andon.wait_projected(60)[1]
            resident = andon.resident_mib()
            for question in questions(Estate.of(datasets), datasets):
                asyncio.run(ask(andon.url, question, bench.seconds(4, 1)))
            asked = andon.resident_mib()
        bench.discard(data)
        section.add(
            datasets, loaded.seconds, size, ready, known, ready_killed, known_killed, loaded.resident_mib,
            resident, asked, reference.RESIDENT_MIB.get(datasets),
        )  # fmt: skip
    section.notes += [
        "seconds from the start of the process, Python's own start included;"
        f" Marquez * restarts in {reference.RESTART_SECONDS} s",
        "loaded: each job's START and COMPLETE through the API, until the last can be queried",
        reference.NOTE,
    ]
    return section
