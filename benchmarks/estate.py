"""A generated estate: layers of tables, jobs between them, and hubs that many jobs read.

`Estate.of(1000)` has 1,000 tables of 20 columns in 8 layers and 500 jobs. A job writes one or two tables and reads
one to three of the layer before, every one of which is read; one table in a hundred is a hub (customers, a calendar)
that one input in six is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.events import Job

LAYERS = ("raw", "clean", "core", "joined", "facts", "marts", "reports", "exports")
_HUBS = 100  # one table in so many
_HUB_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Estate:
    layers: tuple[tuple[str, ...], ...]
    jobs: tuple[Job, ...]
    hubs: tuple[str, ...]

    @classmethod
    def of(cls, datasets: int) -> Estate:
        """The same estate for the same number, which is at least 80."""
        chosen = random.Random(datasets)
        layers = tuple(
            tuple(f"{name}.table_{index:06d}" for index in range(count))
            for name, count in zip(LAYERS, _shares(datasets, len(LAYERS)), strict=True)
        )
        hubs = tuple(table for layer in layers[:2] for table in layer[: max(1, datasets // _HUBS // 2)])
        counts = _shares(datasets // 2, len(LAYERS) - 1)
        jobs = [
            job
            for depth, count in enumerate(counts, start=1)
            for job in _layer_of_jobs(chosen, LAYERS[depth], layers[depth - 1], layers[depth], hubs, count)
        ]
        return cls(layers, tuple(jobs), hubs)

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(table for layer in self.layers for table in layer)


def _layer_of_jobs(
    chosen: random.Random, layer: str, above: Sequence[str], tables: Sequence[str], hubs: Sequence[str], count: int
) -> list[Job]:
    reads: list[list[str]] = [[] for _ in range(count)]
    for at, table in enumerate(chosen.sample(above, len(above))):
        reads[at % count].append(table)
    jobs = []
    for index, read in enumerate(reads):
        if chosen.random() < 0.3:
            read.append(chosen.choice(above))
        read += [chosen.choice(hubs) for _ in read if chosen.random() < _HUB_SHARE]
        outputs = tuple(tables[index::count])
        inputs = tuple(table for table in dict.fromkeys(read) if table not in outputs)
        jobs.append(Job(f"{layer}.job_{index:06d}", inputs, outputs))
    return jobs


def _shares(total: int, parts: int) -> list[int]:
    """`total` in parts as even as can be, the first ones greater by one."""
    return [total // parts + (index < total % parts) for index in range(parts)]
