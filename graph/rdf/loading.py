"""A process of its own that bulk-loads N-Quads from its standard input into a new store: its memory goes with it.

python loading.py FOLDER
"""

from __future__ import annotations

import os
import sys

from pyoxigraph import RdfFormat, Store


def main() -> None:
    os.nice(10)
    store = Store(sys.argv[1])
    store.bulk_load(sys.stdin.buffer, RdfFormat.N_QUADS)
    store.flush()


if __name__ == "__main__":
    main()
