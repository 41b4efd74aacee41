"""The locks install the same everywhere: every line is a pin or a hash, nothing is tied to one machine."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^(?P<name>[a-z0-9._-]+)(\[[a-z,-]+\])?==(?P<version>[^ ;]+)( ; [^\\]+)?( \\)?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def pins(lock: Path) -> dict[str, str]:
    """Name -> version."""
    matches = (PINNED.match(line) for line in lock.read_text().splitlines())
    return {match["name"]: match["version"] for match in matches if match}


def test_there_is_a_lock_for_each_purpose() -> None:
    assert [lock.name for lock in LOCKS] == ["build.txt", "compiled.txt", "dev.txt", "runtime.txt", "server.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_pins_and_hashes_and_names_no_index_host_or_path(lock: Path) -> None:
    other = [line for line in lock.read_text().splitlines() if not PINNED.match(line) and not HASH.match(line)]

    assert other == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_in_a_lock_has_a_hash(lock: Path) -> None:
    lines = lock.read_text().splitlines()

    unhashed = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if PINNED.match(line) and not HASH.match(after)
    ]

    assert unhashed == []


def test_developers_test_the_versions_that_users_run() -> None:
    developed = pins(ROOT / "requirements/dev.txt")
    run = pins(ROOT / "requirements/runtime.txt") | pins(ROOT / "requirements/build.txt")

    assert {name: developed.get(name) for name in run} == run


def test_the_page_s_lock_names_no_registry() -> None:
    lock = (ROOT / "ui/package-lock.json").read_text()

    assert re.findall(r'"resolved": *"(?:https?|file|git)[^"]*"', lock) == []
