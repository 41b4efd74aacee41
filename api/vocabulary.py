"""The ontology in force: read at the start, and replaced whole while the service runs.

Own files stand in one folder. Who drops a file there, or posts one, has it read within a second or so; everything
that depends on the words is then made anew beside what is in use, and only if all of it can be made is any of it
taken. So a bad file changes nothing.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.errors import AndonError, InvalidInput, NotFound, TooLarge
from ontology import Ontology, OntologyError, Source, load, own_files
from ontology.difference import Difference, difference

_log = logging.getLogger("andon.ontology")

Prepare = Callable[[Ontology], Callable[[], None]]
"""Makes what depends on the words from other words, or raises; what it returns puts that in use and cannot fail."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LOOK_SECONDS = 1.0
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What the folder looked like: (name, modified, size) of each file."""

    files: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, folder: Path) -> _Stamp:
        found = []
        for file in own_files(folder):
            try:
                status = file.stat()
            except FileNotFoundError:  # it went while we looked
                continue
            found.append((file.name, status.st_mtime_ns, status.st_size))
        return cls(tuple(found))


class Vocabulary:
    """Holds the ontology of `base` (the shipped one if None) with the `*.ttl` files of `folder`.

    The constructor raises `InvalidInput` where they cannot be used.
    """

    def __init__(self, base: Path | None, folder: Path) -> None:
        self._base = base
        self._folder = folder
        self._parts: list[Prepare] = []
        self._swapping = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="andon-ontology", daemon=True)
        self._stamp = _Stamp.of(folder)
        self.ontology = self._load(own_files(folder))
        self.fault: str | None = None
        """Why the files that stand in the folder now are not those in use; None if they are."""

    def join(self, prepare: Prepare) -> None:
        """Have a part of the service follow the words; in the order of joining."""
        self._parts.append(prepare)

    def put(self, name: str, content: bytes) -> Difference:
        """Take an own file called `name`, in place of the one of that name; raises `InvalidInput`, and then nothing
        has changed."""
        if not _NAME.fullmatch(name):
            raise InvalidInput("expected lower-case letters, digits, - and _, a letter first", field="name")
        if len(content) > MAX_BYTES:
            raise TooLarge(f"an ontology file may have {MAX_BYTES} bytes", field="body")
        with self._swapping:
            others = [file for file in own_files(self._folder) if file.name != f"{name}.ttl"]
            ontology = self._load([*others, Source(f"{name}.ttl", content)])
            commits = [prepare(ontology) for prepare in self._parts]
            self._write(name, content)
            return self._swap(ontology, commits)

    def remove(self, name: str) -> Difference:
        """Forget an own file; raises `NotFound`, or `InvalidInput` where something needs its words."""
        with self._swapping:
            file = self._folder / f"{name}.ttl"
            if not _NAME.fullmatch(name) or not file.is_file():
                raise NotFound(f"there is no own ontology file {name[:100]!r}")
            ontology = self._load([it for it in own_files(self._folder) if it.name != file.name])
            commits = [prepare(ontology) for prepare in self._parts]
            file.unlink()
            return self._swap(ontology, commits)

    def reload(self) -> Difference:
        """Read the folder anew; raises `InvalidInput`, and then nothing has changed."""
        with self._swapping:
            self._stamp = _Stamp.of(self._folder)
            try:
                ontology = self._load(own_files(self._folder))
                commits = [prepare(ontology) for prepare in self._parts]
            except AndonError as error:
                self.fault = str(error)
                raise
            return self._swap(ontology, commits)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                if _Stamp.of(self._folder) != self._stamp:
                    self.reload()
            except AndonError as error:
                _log.error("the own types in %s are not taken: %s", self._folder.name, error)
            except OSError as error:
                _log.error("the own types cannot be read: %s", error.strerror)

    def _load(self, own: Sequence[Path | Source]) -> Ontology:
        try:
            return load(self._base, own)
        except OntologyError as error:
            every = [error, *error.others]
            raise InvalidInput("; ".join(map(str, every)), field="ontology") from None

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        written = self._folder / f".{name}.new"
        with written.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._folder / f"{name}.ttl")

    def _swap(self, ontology: Ontology, commits: Sequence[Callable[[], None]]) -> Difference:
        changes = difference(self.ontology, ontology)
        self._stamp = _Stamp.of(self._folder)
        self.ontology = ontology
        self.fault = None
        for commit in commits:
            commit()
        _log.info("the ontology is %s now", ontology.version)
        return changes
