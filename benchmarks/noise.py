"""How much else the machine did while a section ran: figures of a busy machine are not to be compared."""

from __future__ import annotations

import os
import time

import psutil


class Noise:
    """Starts to count when made. Of processes that have ended by `told`, so stop them before."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy, self._stolen = _machine_seconds()
        self._own = _own_seconds()

    def told(self) -> str:
        capacity = (time.monotonic() - self._began) * (psutil.cpu_count() or 1)
        busy, stolen = _machine_seconds()
        others = max(0.0, busy - self._busy - (_own_seconds() - self._own)) / capacity
        gone = (stolen - self._stolen) / capacity
        return (
            f"noise: other processes took {others:.0%} of the machine's CPU meanwhile, {gone:.0%} was stolen from"
            f" it; the section took {time.monotonic() - self._began:,.0f} s"
        )


def _machine_seconds() -> tuple[float, float]:
    times = psutil.cpu_times()
    stolen = float(getattr(times, "steal", 0.0))
    return float(times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)), stolen


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
