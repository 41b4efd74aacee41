"""A generated estate: layers of tables, jobs between them, and hubs that many jobs read.

`Estate.of(1000)` has 1,000 tables of 20 columns in 8 layers and 500 jobs. A job reads one to three tables, most
of the layer before its own; one table in a hundred is a hub (customers, a calendar), and so is one input in ten.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.events import Job

LAYERS = 8
_HUBS = 100  # one table in so many
_HUB_SHARE = 0.1
_LAYER_NAMES = ("raw", "clean", "core", "joined", "facts", "marts", "reports", "exports")


@dataclass(frozen=True, slots=True)
class Estate:
    layers: tuple[tuple[str, ...], ...]
    jobs: tuple[Job, ...]

    @classmethod
    def of(cls, datasets: int) -> Estate:
        """The same estate for the same number, at least 80 tables."""
        chosen = random.Random(datasets)
        width = datasets // LAYERS
        layers = tuple(
            tuple(f"{name}.table_{index:06d}" for index in range(width if name != "raw" else datasets - 7 * width))
            for name in _LAYER_NAMES
        )
        hubs = [layer[index] for layer in layers[:2] for index in range(max(1, datasets // _HUBS // 2))]
        jobs: list[Job] = []
        per_layer = datasets // 2 // (LAYERS - 1)
        for depth in range(1, LAYERS):
            count = per_layer if depth < LAYERS - 1 else datasets // 2 - per_layer * (LAYERS - 2)
            outputs = [layers[depth][at::count] for at in range(count)]
            for index, written in enumerate(outputs):
                read = [
                    chosen.choice(hubs) if chosen.random() < _HUB_SHARE else chosen.choice(layers[depth - 1])
                    for _ in range(chosen.choice((1, 2, 2, 3)))
                ]
                inputs = tuple(table for table in dict.fromkeys(read) if table not in written)
                jobs.append(Job(f"{_LAYER_NAMES[depth]}.job_{index:06d}", inputs, written))
        return cls(layers, tuple(jobs))

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(table for layer in self.layers for table in layer)
