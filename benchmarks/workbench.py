"""What sections share: a folder to work in, estates loaded through the real API, and how long to take."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.estate import Estate
from benchmarks.events import Size, first_runs
from benchmarks.load import run_clients
from benchmarks.service import Andon

_LOADING_CONNECTIONS = 8
_PROJECTED_WITHIN = 300


@dataclass(frozen=True, slots=True)
class Loaded:
    """An estate in a data folder that no process uses; `copy` it before use."""

    data: Path
    datasets: int
    events: int
    seconds: float  # from the first event to the last one being in the graph
    resident_mib: float  # of the service that took it in, after that


@dataclass(slots=True)
class Workbench:
    folder: Path
    quick: bool
    datasets: tuple[int, ...]
    _loaded: dict[tuple[int, Size], Loaded] = field(default_factory=dict)
    _copies: int = 0

    def seconds(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    def estate(self, datasets: int, size: Size = Size.LARGE) -> Loaded:
        """The estate with one run of each job, loaded at the first time of asking."""
        key = (datasets, size)
        if key not in self._loaded:
            self._loaded[key] = self._load(datasets, size)
        return self._loaded[key]

    def copy(self, datasets: int, size: Size = Size.LARGE) -> Path:
        """A data folder of one's own with the estate in it."""
        source = self.estate(datasets, size).data
        self._copies += 1
        target = self.folder / f"copy-{self._copies}"
        shutil.copytree(source, target)
        return target

    def discard(self, data: Path) -> None:
        shutil.rmtree(data)

    def _load(self, datasets: int, size: Size) -> Loaded:
        data = self.folder / f"estate-{datasets}-{size.name.lower()}"
        with Andon(data) as andon:
            sent = run_clients([andon.url], first_runs(Estate.of(datasets).jobs, size), _LOADING_CONNECTIONS)
            projected, waited = andon.wait_projected(_PROJECTED_WITHIN)
            if sent.failed or projected < sent.accepted:
                raise RuntimeError(f"loading {datasets} datasets: {sent.failed} refused, {projected} in the graph")
            resident = andon.resident_mib()
        return Loaded(data, datasets, sent.accepted, sent.seconds + waited, resident)
