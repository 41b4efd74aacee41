"""Rules to start from, each with its cases; a pack is a folder that can be served as it is, or copied and changed."""

from __future__ import annotations

from pathlib import Path

from graph.errors import Conflict, NotFound

_HERE = Path(__file__).parent


def packs() -> dict[str, list[str]]:
    """The names of each pack's rules."""
    folders = sorted(it for it in _HERE.iterdir() if it.is_dir() and it.name[0] not in "._")
    return {
        it.name: sorted(file.stem for file in it.glob("*.yaml") if not file.stem.endswith(".test")) for it in folders
    }


def copy(pack: str, target: Path) -> list[Path]:
    """Copy a pack's rules and cases into a folder, over nothing that is there. Raises `NotFound` and `Conflict`."""
    if pack not in packs():
        raise NotFound(f"there is no pack {pack[:100]!r}; there are {', '.join(packs())}")
    files = sorted((_HERE / pack).glob("*.yaml"))
    taken = [it.name for it in files if (target / it.name).exists()]
    if taken:
        raise Conflict(f"{target} has a file {taken[0]} already")
    target.mkdir(parents=True, exist_ok=True)
    copied = [target / it.name for it in files]
    for file, place in zip(files, copied, strict=True):
        place.write_bytes(file.read_bytes())
    return copied
