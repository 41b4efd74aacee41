"""A process that opens a journal and says how that went.

python -m tests.contract.opening KIND FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from graph.errors import Conflict
from tests.contract.adapters import JOURNALS


def main() -> None:
    kind, folder = sys.argv[1:]
    try:
        journal = JOURNALS[kind](Path(folder)).open()
    except Conflict as error:
        sys.stdout.write(f"refused: {error}")
    else:
        sys.stdout.write(f"opened at position {journal.last_position()}")
        journal.close()


if __name__ == "__main__":
    main()
