"""What `andon rebuild` does, and `andon backup` and `andon restore` with an embedded installation."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import sys
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import msgspec

from api.app import GRAPH_FILE, JOURNAL_FILE, decoders, now, open_journal, open_vocabulary
from api.auth import KEYS_FILE
from api.progress import progress
from api.settings import Settings
from api.version import version
from graph import rebuilding
from graph.errors import Conflict, InvalidInput, NotFound
from graph.journal import Journal
from graph.model import isoformat
from graph.sqlite_journal import SqliteJournalFile
from ontology import Ontology
from rules.service import OUTBOX_FILE

MANIFEST = "andon-backup.json"
_FORMAT = 1
# In this order: a copy of the graph or of the outbox that is ahead of the journal's would have read what is not there.
_FILES = (KEYS_FILE, OUTBOX_FILE, GRAPH_FILE, JOURNAL_FILE)
_ARCHIVES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}
_PAGES = 2_000  # copied between two looks of the progress bar
_RESTORING = ".restoring"
_BLOCK = 1024 * 1024

Show = Callable[[int, int], None]
OpenFile = Callable[[str], IO[bytes]]


# --- rebuilding -------------------------------------------------------------------------------------------------


class _RunningJournal(SqliteJournalFile):
    """The journal of a running service, which keeps the dead letters of what it could not fold itself."""

    def add_dead_letter(
        self, source: str, reason: str, field: str, body: bytes | None, position: int | None = None
    ) -> None:
        pass


def rebuild(settings: Settings) -> None:
    """Fold the graph anew beside the one in use; it is swapped in at once or, where an embedded service is running,
    when that ends.
    """
    ontology = open_vocabulary(settings).ontology
    if settings.postgres_url:
        _rebuild_on_server(settings, ontology)
        return
    _existing(settings)
    path = settings.data / GRAPH_FILE
    started = time.monotonic()
    running = False
    journal: Journal
    try:
        journal = open_journal(settings)
    except Conflict:
        running = True
        journal = _RunningJournal(settings.data / JOURNAL_FILE)  # type: ignore[assignment]  # it is enough to fold
    try:
        with progress("folding") as show:
            position = rebuilding.rebuild(journal, path, ontology, decoders(ontology), show)
        if not running:
            rebuilding.swap_in(path)
    finally:
        journal.close()
    _say(f"folded {position} envelopes in {time.monotonic() - started:.1f} s")
    if running:
        _say("the service is running: it takes the new graph when it is next started")


def _rebuild_on_server(settings: Settings, ontology: Ontology) -> None:
    """The same in PostgreSQL; running services take the new graph at once."""
    from graph.postgres_generations import Generations  # optional: only who names a PostgreSQL needs its driver
    from graph.postgres_rebuilding import rebuild

    started = time.monotonic()
    generations = Generations(settings.postgres_url)
    generations.prepare()
    with closing(open_journal(settings)) as journal, progress("folding") as show:
        position = rebuild(journal, generations, ontology, decoders(ontology), show)
    _say(f"folded {position} envelopes in {time.monotonic() - started:.1f} s")


def _existing(settings: Settings) -> None:
    """Raises `NotFound` rather than make an empty journal where the folder's name is misspelt."""
    if not (settings.data / JOURNAL_FILE).is_file():
        raise NotFound(f"there is no journal in {settings.data}")


# --- backing up -------------------------------------------------------------------------------------------------


class Copied(msgspec.Struct, frozen=True):
    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; stands in it as JSON."""

    format: int
    version: str  # of the Andon that made it
    made_at: str
    position: int  # the journal's last
    files: dict[str, Copied]


def backup(settings: Settings, target: Path, *, graph: bool = False) -> None:
    """Copy all that cannot be made again (and the graph, if wanted) to a new folder or archive; the service may run."""
    _refuse_server(settings)
    _existing(settings)
    if target.exists():
        raise Conflict(f"there is something at {target} already")
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        names = [it for it in _FILES if (settings.data / it).is_file() and (graph or it != GRAPH_FILE)]
        for name in names:
            with progress(f"copying {name}") as show:
                _copy(settings.data / name, part / name, show)
        files = {name: _copied(part / name) for name in names}
        position = _last_position(part / JOURNAL_FILE)
        manifest = Manifest(_FORMAT, version(), isoformat(now()), position, files)
        _write(part / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        if (mode := _archive_mode(target)) is not None:
            with progress("packing") as show:
                _pack(part, target, mode, show)
        else:
            _sync(part)
            os.rename(part, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _say(f"backed up to position {position}: {', '.join(names)}")


def _refuse_server(settings: Settings) -> None:
    if settings.postgres_url:
        raise Conflict(
            "this Andon keeps everything in PostgreSQL: back it up and restore it with PostgreSQL's own tools"
        )


def _copy(source: Path, target: Path, show: Show) -> None:
    """A consistent copy of a database that others may be writing: all of one moment, its write-ahead log included."""
    with closing(_connect(source)) as here, closing(sqlite3.connect(target, isolation_level=None)) as there:
        os.chmod(target, 0o600)
        here.execute("BEGIN")
        here.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the moment; writers go on without us
        here.backup(there, pages=_PAGES, progress=lambda _status, remaining, total: show(total - remaining, total))
        here.execute("ROLLBACK")
        there.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    _sync(target)


def _archive_mode(target: Path) -> str | None:
    """How to write the archive that the name stands for; None for a folder."""
    return next((mode for ending, mode in _ARCHIVES.items() if target.name.endswith(ending)), None)


def _pack(folder: Path, target: Path, mode: str, show: Show) -> None:
    part = folder / "archive"
    names = [MANIFEST, *(name for name in _FILES if (folder / name).is_file())]
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]  # mode is one of two
            for done, name in enumerate(names):
                show(done, len(names))
                archive.add(folder / name, name)
        file.flush()
        os.fsync(file.fileno())
    os.rename(part, target)


# --- restoring --------------------------------------------------------------------------------------------------


def restore(settings: Settings, source: Path) -> None:
    """Make the data folder of a backup; checked to the last byte before anything stands there under its name.

    Raises `Conflict` for a folder that holds anything, `InvalidInput` for a backup that is not whole.
    """
    _refuse_server(settings)
    data = settings.data
    if not source.exists():
        raise NotFound(f"there is no backup {source}")
    if data.exists() and (not data.is_dir() or set(os.listdir(data)) - {_RESTORING}):
        raise Conflict(f"{data} is not empty: Andon restores into an empty folder only")
    part = data / _RESTORING
    shutil.rmtree(part, ignore_errors=True)
    made = not data.exists()
    part.mkdir(parents=True)
    try:
        with _opened(source) as open_file:
            manifest = _manifest(open_file)
            for name, copied in manifest.files.items():
                with progress(f"restoring {name}") as show:
                    _restore_file(open_file, name, copied, part / name, show)
        for name in manifest.files:
            _check_database(part / name)
        _check_positions(part, manifest)
        for name in _FILES:  # the journal last: a folder without one is seen not to be whole
            if name in manifest.files:
                os.rename(part / name, data / name)
        _sync(data)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        if made:
            shutil.rmtree(data, ignore_errors=True)
        raise
    shutil.rmtree(part)
    _say(f"restored to position {manifest.position}, as of {manifest.made_at}: {', '.join(manifest.files)}")


@contextmanager
def _opened(source: Path) -> Iterator[OpenFile]:
    """What opens the backup's files by name, be it a folder or an archive."""
    if source.is_dir():
        yield lambda name: (source / name).open("rb")
        return
    try:
        with tarfile.open(source) as archive:

            def member(name: str) -> IO[bytes]:
                file = archive.extractfile(name)
                if file is None:
                    raise KeyError(name)
                return file

            yield member
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{source.name} is no backup, or it is cut off or damaged: {error}") from None


def _manifest(open_file: OpenFile) -> Manifest:
    try:
        with open_file(MANIFEST) as file:
            manifest = msgspec.json.decode(file.read(), type=Manifest)
    except (KeyError, FileNotFoundError):
        raise InvalidInput(f"this is no backup: it has no {MANIFEST}") from None
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{MANIFEST} is damaged: {error}") from None
    if manifest.format != _FORMAT:
        raise InvalidInput(f"the backup has format {manifest.format}, this Andon reads {_FORMAT}")
    if JOURNAL_FILE not in manifest.files or not set(manifest.files) <= set(_FILES):
        raise InvalidInput(f"{MANIFEST} does not name the files that a backup has")
    return manifest


def _restore_file(open_file: OpenFile, name: str, copied: Copied, target: Path, show: Show) -> None:
    digest = hashlib.sha256()
    done = 0
    try:
        with open_file(name) as file, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            while block := file.read(_BLOCK):
                out.write(block)
                digest.update(block)
                done += len(block)
                show(done, copied.bytes)
            out.flush()
            os.fsync(out.fileno())
    except (KeyError, FileNotFoundError):
        raise InvalidInput(f"the backup has no {name}") from None
    if (digest.hexdigest(), done) != (copied.sha256, copied.bytes):
        raise InvalidInput(f"{name} in the backup was altered or damaged: its checksum differs")


def _check_database(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as database:
            found = [str(row[0]) for row in database.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    # SQLite 3.40 sees NULL in the keys of sound tables WITHOUT ROWID.
    wrong = [line for line in found if line != "ok" and not line.startswith("NULL value in ")]
    if wrong:
        raise InvalidInput(f"{path.name} in the backup is damaged: {wrong[0]}")


def _check_positions(folder: Path, manifest: Manifest) -> None:
    last = _last_position(folder / JOURNAL_FILE)
    if last != manifest.position:
        raise InvalidInput(f"the journal ends at {last}, its backup should at {manifest.position}")
    if GRAPH_FILE in manifest.files:
        projected = _number(folder / GRAPH_FILE, "SELECT value FROM meta WHERE key = 'position'")
        if projected > last:
            raise InvalidInput(f"the graph has read up to {projected} and the journal ends at {last}")


# --- files ------------------------------------------------------------------------------------------------------


def _last_position(journal: Path) -> int:
    return _number(journal, "SELECT max(position) FROM envelope")


def _number(path: Path, query: str) -> int:
    """What a query of one number answers, 0 for none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as database:
        row = database.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=30)


def _copied(path: Path) -> Copied:
    with path.open("rb") as file:
        return Copied(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
