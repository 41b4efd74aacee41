"""Has a process's clock be wrong by FAULTS_CLOCK_AHEAD seconds; found where this folder is on PYTHONPATH.

What measures durations (`time.monotonic`) stays as it is, and so does a `datetime` that was read from somewhere.
"""

import os
import time

_ahead = float(os.environ.get("FAULTS_CLOCK_AHEAD", "0"))
_time, _time_ns = time.time, time.time_ns

if _ahead:
    time.time = lambda: _time() + _ahead
    time.time_ns = lambda: _time_ns() + int(_ahead * 1_000_000_000)
