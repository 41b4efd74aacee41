"""Figures of Marquez 0.51 on PostgreSQL 15 with default settings, for comparison.

They were measured once on a machine of the same kind (2 cores), not in the run that prints them: take the
ratio for its order of magnitude. Marquez answers 201 only once its model is written, so its rate is to be held
against what can be queried here.
"""

from __future__ import annotations

from benchmarks.events import Size

HEADING = "Marquez *"
NOTE = "\\* Marquez 0.51 on PostgreSQL 15, measured earlier on the same kind of machine, not in this run"

EVENTS_PER_SECOND = {Size.LARGE: (5, 11), Size.SMALL: (12, 28)}
CPU_MS_PER_EVENT = {Size.LARGE: (160, 215), Size.SMALL: (54, 59)}
BYTES_PER_EVENT = 55_000
RESTART_SECONDS = 10
RESIDENT_MIB = {1_000: 940}

# milliseconds, p50; by (query, datasets)
DEPTH_3 = {1_000: 440.0}
DEPTH_20 = {1_000: 5_000.0, 10_000: 150_000.0}  # at 10,000: no answer in 150 s
COLUMNS_DEPTH_3 = {1_000: 300.0}  # 300 to 1,060
SEARCH = {10_000: 61.0}
