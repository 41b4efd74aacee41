"""The present lineage of a job: which saying governs when, and which edges hold over which spans.

For one job, the *pieces* are what each of its sayings says over which time. At an instant the piece of highest
rank that took effect last governs; where none has, the latest-started run (docs/meaning.md). A new event changes one
saying; from the first instant at which that makes a difference, the governing segments are looked up again, and
the edges' spans are re-drawn from there on. Appending the newest run touches the tail only.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from .database import Cached, Database, Ids
from .model import BEGINNING, FOREVER, LATEST, Instant, Name, Position
from .nodes import Nodes
from .statements import Digested, Flows, Transformation
from .timeline import Edge, ResolvedFlows, RunEvent, Version, edges_of, run_versions

_encode = msgspec.msgpack.Encoder().encode
_read_edges = msgspec.msgpack.Decoder(frozenset[tuple[int, int, int, tuple[Transformation, ...]]]).decode
_read_flows = msgspec.msgpack.Decoder(Flows).decode
read_detail = msgspec.msgpack.Decoder(tuple[Transformation, ...]).decode


@dataclass(frozen=True, slots=True)
class Segment:
    """From `valid_from` on, `saying` governs with this edge set (saying 0: none does)."""

    valid_from: Instant
    saying: int
    set_id: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A version of a saying, as kept."""

    id: int
    valid_from: Instant
    valid_to: Instant
    set_id: int
    effect: Instant | None
    start: Instant
    known_from: Position

    def says(self, version: Version) -> bool:
        return (self.set_id, self.effect, self.start) == (version.content, version.effect, version.start)

    def until(self, valid_to: Instant) -> Piece:
        return Piece(self.id, self.valid_from, valid_to, self.set_id, self.effect, self.start, self.known_from)


@dataclass(slots=True)
class Tail:
    """What counts of a job for whoever speaks of it after everything that was said: no need to look further back.

    `best` is the saying that governs at the end: (rank, effect, start, tie, valid from, saying, edge set), the
    greatest over those that took effect and have no end; None where none is. `segment`: the last one.
    """

    last_from: Instant
    last_end: Instant  # of declarations; those of runs end where another piece of the run begins
    segment: Segment | None
    best: tuple[int, Instant, Instant, str, Instant, int, int] | None


Span = tuple[Edge, Instant, Instant]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge that holds at present since this envelope, or no longer does."""

    opened: bool
    edge: Edge
    job: int


class Sayings:
    """Keeps pieces, segments and edges of all jobs true, one envelope at a time."""

    def __init__(self, database: Database, nodes: Nodes) -> None:
        self._database = database
        self._nodes = nodes
        self._contents: Cached = Cached(self._find_content, 100_000)
        self._flows: Cached = Cached(self._read_flows, 2_000)
        self._edge_sets: Cached = Cached(self._read_edge_set, 5_000)
        self._combined: dict[tuple[object, ...], int] = {}
        self._events: Cached = Cached(self._read_events, 20_000)
        self._pieces: Cached = Cached(self._read_pieces, 20_000)
        self._ranks: Cached = Cached(self._read_ranks, 50_000)
        self._tails: Cached = Cached(self._read_tail, 50_000)
        self._job_names: set[tuple[int, int]] = set()
        self._ids = {it: Ids(database, it) for it in ("content", "declaration", "edge_set", "piece", "edge")}

    def clear(self) -> None:
        caches = (self._contents, self._flows, self._edge_sets, self._events, self._pieces, self._ranks, self._tails)
        for cache in caches:
            cache.clear()
        for ids in self._ids.values():
            ids.clear()
        self._combined.clear()
        self._job_names.clear()

    # What was said -----------------------------------------------------------------------------------------

    def content_id(self, flows: Digested[Flows]) -> int:
        """The row of what an envelope says of lineage; 0 if it names no datasets."""
        is_first = flows.digest not in self._contents
        found: int | None = self._contents(flows.digest)
        if found is None:
            value = flows.load()
            if not value.has_datasets:
                found = 0
            else:
                found = self._ids["content"].new()
                self._database.execute(
                    "INSERT INTO content (id, digest, body) VALUES (?, ?, ?)", (found, flows.digest, _encode(value))
                )
                self._flows.put(found, value)
            self._contents.put(flows.digest, found)
        elif is_first:
            self._flows.put(found, flows.load())  # is asked for next, and is at hand
        return found

    def _find_content(self, digest: bytes) -> int | None:
        row = self._database.execute("SELECT id FROM content WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def flows(self, content: int) -> Flows:
        found: Flows = self._flows(content)
        return found

    def _read_flows(self, content: int) -> Flows:
        return read_content(self._database, content)

    def note_names(self, job: int, names: Iterable[int]) -> None:
        """Remember that a job speaks of these names, so that a rename finds it."""
        for name in names:
            if (name, job) not in self._job_names:
                if len(self._job_names) > 500_000:
                    self._job_names.clear()
                self._job_names.add((name, job))
                self._database.execute(
                    "INSERT INTO job_name (name_id, job_id) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, job)
                )

    # Runs --------------------------------------------------------------------------------------------------

    def events(self, run: int, job: int) -> list[RunEvent]:
        """The run's events for this job, in (at, digest) order."""
        found: list[RunEvent] = self._events((run, job))
        return found

    def _read_events(self, key: tuple[int, int]) -> list[RunEvent]:
        if key[0] in self._nodes.made:
            return []
        rows = self._database.execute(
            "SELECT at, digest, type, streaming, content_id FROM run_event WHERE run_id = ? AND job_id = ?"
            " ORDER BY at, digest",
            key,
        )
        return [RunEvent(at, digest, type, bool(streaming), content) for at, digest, type, streaming, content in rows]

    def add_event(self, run: int, job: int, event: RunEvent, position: Position) -> list[EdgeChange]:
        """Take one event of a run in; answers how the job's present edges differ for it."""
        events = self.events(run, job)
        insort(events, event, key=lambda it: (it.at, it.digest))
        self._database.execute(
            "INSERT INTO run_event (run_id, job_id, at, position, digest, type, streaming, content_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (run, job, event.at, position, event.digest, event.type, int(event.streaming), event.content),
        )
        if _adds_nothing(events, event):
            return []
        return self._refold_run(run, job, position)

    def _refold_run(self, run: int, job: int, position: Position) -> list[EdgeChange]:
        events = self.events(run, job)
        versions = run_versions(events, lambda carrying: self._edge_set(job, carrying))
        tie = f"run {self._nodes.name(run).name}"
        return self._replace_pieces(job, run, 2, tie, versions, position)

    # Declarations ------------------------------------------------------------------------------------------

    def declare(
        self,
        job: int,
        at: Instant,
        digest: bytes,
        rank: int,
        register: bool,
        content: int | None,
        position: Position,
    ) -> list[EdgeChange]:
        """Take a declaration in; `register`: the newest of the job's at this rank replaces the others."""
        declaration = self._ids["declaration"].new()
        self._database.execute(
            "INSERT INTO declaration (id, job_id, at, position, digest, rank, register, content_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (declaration, job, at, position, digest, rank, int(register), content),
        )
        if register:
            return self._refold_register(job, rank, position)
        return self._refold_declaration(job, declaration, position)

    def _refold_declaration(self, job: int, declaration: int, position: Position) -> list[EdgeChange]:
        at, digest, rank, content = self._database.execute(
            "SELECT at, digest, rank, content_id FROM declaration WHERE id = ?", (declaration,)
        ).fetchone()
        version = Version(at, FOREVER, self._declared_set(job, at, digest, content), at, at)
        tie = f"declaration {digest.hex()}"
        return self._replace_pieces(job, -declaration, rank, tie, [version], position)

    def _refold_register(self, job: int, rank: int, position: Position) -> list[EdgeChange]:
        rows = self._database.execute(
            "SELECT id, at, digest, content_id FROM declaration WHERE job_id = ? AND rank = ? AND register = 1"
            " ORDER BY at, digest",
            (job, rank),
        ).fetchall()
        changes: list[EdgeChange] = []
        for index, (id, at, digest, content) in enumerate(rows):
            until = rows[index + 1][1] if index + 1 < len(rows) else FOREVER
            versions = []
            if content is not None and until > at:
                versions = [Version(at, until, self._declared_set(job, at, digest, content), at, at)]
            tie = f"declaration {digest.hex()}"
            changes += self._replace_pieces(job, -id, rank, tie, versions, position)
        return _net(changes)

    def _declared_set(self, job: int, at: Instant, digest: bytes, content: int) -> int:
        return self._edge_set(job, [RunEvent(at, digest, "", False, content)] if content else [])

    def refold_job(self, job: int, position: Position) -> list[EdgeChange]:
        """Draw a job anew because a name it speaks of turned out to be another entity's."""
        changes: list[EdgeChange] = []
        runs = self._database.execute(
            "SELECT DISTINCT saying FROM piece WHERE job_id = ? AND saying > 0 AND known_to = ?",
            (job, LATEST),
        ).fetchall()
        for (run,) in runs:
            changes += self._refold_run(run, job, position)
        declared = self._database.execute(
            "SELECT id, rank, register FROM declaration WHERE job_id = ?", (job,)
        ).fetchall()
        for id, _, register in declared:
            if not register:
                changes += self._refold_declaration(job, id, position)
        for rank in {rank for _, rank, register in declared if register}:
            changes += self._refold_register(job, rank, position)
        return _net(changes)

    # Edge sets ---------------------------------------------------------------------------------------------

    def _edge_set(self, job: int, carrying: Sequence[RunEvent]) -> int:
        """The row of the edges that these events, oldest first, say together."""
        distinct: list[RunEvent] = []
        for event in carrying:  # a repetition of what was said last adds nothing
            if not distinct or distinct[-1].content != event.content:
                distinct.append(event)
        shared = self._nodes.has_shared and any(
            self._nodes.is_shared(name) for event in distinct for name in self._names_of(event.content)
        )
        times = tuple(event.at for event in carrying) if shared else ()
        key = (job, *(event.content for event in (carrying if shared else distinct)), *times)
        found = self._combined.get(key)
        if found is None:
            if len(self._combined) > 100_000:
                self._combined.clear()
            events = carrying if shared else distinct
            found = self._combined[key] = self._make_edge_set(job, [self._resolved(event) for event in events])
        return found

    def _names_of(self, content: int) -> list[int]:
        found = []
        for name in names_in(self.flows(content)):
            name_id = self._nodes.existing(name)
            if name_id is not None:
                found.append(name_id)
        return found

    def _resolved(self, event: RunEvent) -> ResolvedFlows:
        nodes, at = self._nodes, event.at

        def node(name: Name) -> int:
            return nodes.origin(nodes.bearer(nodes.name_id(name, at, Position(0)), at))

        return ResolvedFlows(
            self.flows(event.content),
            node,
            lambda dataset, path: nodes.column(dataset, path, at, Position(0)),
        )

    def _make_edge_set(self, job: int, contents: Sequence[ResolvedFlows]) -> int:
        implicit = self._nodes.name(job).kind != "job"
        edges = edges_of(contents, None if implicit else job)
        body = _encode(sorted(edges, key=repr))
        digest = blake2b(body, digest_size=16).digest()
        row = self._database.execute("SELECT id FROM edge_set WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            set_id: int = self._ids["edge_set"].new()
            self._database.execute("INSERT INTO edge_set (id, digest, body) VALUES (?, ?, ?)", (set_id, digest, body))
        else:
            set_id = row[0]
        self._edge_sets.put(set_id, edges)
        return set_id

    def edge_set(self, set_id: int) -> frozenset[Edge]:
        if not set_id:
            return frozenset()
        found: frozenset[Edge] = self._edge_sets(set_id)
        return found

    def _read_edge_set(self, set_id: int) -> frozenset[Edge]:
        row = self._database.execute("SELECT body FROM edge_set WHERE id = ?", (set_id,)).fetchone()
        return _read_edges(row[0])

    # Pieces, segments, spans -------------------------------------------------------------------------------

    def _replace_pieces(
        self, job: int, saying: int, rank: int, tie: str, versions: list[Version], position: Position
    ) -> list[EdgeChange]:
        pieces: dict[Version, Piece] = self._pieces((saying, job))
        fresh = [version for version in versions if version not in pieces]
        stale = {version.valid_from: piece for version, piece in pieces.items() if version not in versions}
        if not stale and not fresh:
            return []
        tail: Tail = self._tails(job)  # as it is before this
        differs = [version.valid_from for version in stale.values()]
        kept = {version: pieces[version] for version in versions if version in pieces}
        touched: set[Instant] = set()
        for version in fresh:
            before = stale.pop(version.valid_from, None)
            if before is not None and before.says(version):
                # Only its end moved; who asks as of an earlier position goes by valid_from alone.
                self._database.execute("UPDATE piece SET valid_to = ? WHERE id = ?", (version.valid_to, before.id))
                kept[version] = before.until(version.valid_to)
                differs.remove(version.valid_from)
                touched |= {before.valid_to, version.valid_to}
                continue
            if before is not None:
                self._close_piece(before, position)
            touched |= {version.valid_from, version.valid_to}
            piece_id = self._ids["piece"].new()
            self._database.execute(
                "INSERT INTO piece (id, job_id, saying, rank, tie, valid_from, valid_to, set_id, effect, start,"
                " known_from, known_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (piece_id, job, saying, rank, tie, version.valid_from, version.valid_to, version.content,
                 version.effect, version.start, position, LATEST),
            )  # fmt: skip
            kept[version] = Piece(piece_id, *_fields(version), position)
        for piece in stale.values():
            self._close_piece(piece, position)
            touched |= {piece.valid_from, piece.valid_to}
        self._pieces.put((saying, job), kept)
        if rank not in self._ranks(job):
            self._ranks.put(job, sorted({rank, *self._ranks(job)}, reverse=True))
        instants = {it for it in (*touched, *differs) if it < FOREVER}
        since = min(instants)
        is_newest = (
            len(instants) == 1
            and since >= max(tail.last_from, tail.last_end)
            and (tail.segment is None or tail.segment.valid_from < since)
        )
        tail.last_from = max((tail.last_from, *(version.valid_from for version in fresh)))
        if saying < 0:
            ends = (version.valid_to for version in versions if version.valid_to < FOREVER)
            tail.last_end = max((tail.last_end, *ends))
        had_best = tail.best is not None
        self._move_best(job, tail, saying, rank, tie, versions)
        if is_newest and (tail.best is not None or not had_best):
            return self._append_segment(job, tail, since, position)
        return self._redraw(job, since, instants, position)

    def _read_tail(self, job: int) -> Tail:
        if job in self._nodes.made:
            return Tail(BEGINNING, BEGINNING, None, None)
        last = self._database.execute(
            "SELECT valid_from FROM piece WHERE job_id = ? AND known_to = ? ORDER BY valid_from DESC LIMIT 1",
            (job, LATEST),
        ).fetchone()
        end = self._database.execute(
            "SELECT max(valid_to) FROM piece WHERE job_id = ? AND saying < 0"
            " AND valid_to < 4611686018427387904 AND known_to = 4611686018427387904",
            (job,),
        ).fetchone()[0]
        segment = self._database.execute(
            "SELECT valid_from, saying, set_id FROM governs WHERE job_id = ? AND known_to = ?"
            " ORDER BY valid_from DESC LIMIT 1",
            (job, LATEST),
        ).fetchone()
        return Tail(
            last[0] if last else BEGINNING,
            BEGINNING if end is None else end,
            Segment(*segment) if segment else None,
            self._read_best(job),
        )

    def _read_best(self, job: int) -> tuple[int, Instant, Instant, str, Instant, int, int] | None:
        for rank in self._ranks(job):
            row = self._database.execute(
                "SELECT effect, start, tie, valid_from, saying, set_id FROM piece WHERE job_id = ? AND rank = ?"
                " AND valid_to = 4611686018427387904 AND known_to = 4611686018427387904 AND effect IS NOT NULL"
                " ORDER BY effect DESC, start DESC, tie DESC, valid_from DESC LIMIT 1",
                (job, rank),
            ).fetchone()
            if row is not None:
                return (rank, *row)
        return None

    def _move_best(self, job: int, tail: Tail, saying: int, rank: int, tie: str, versions: Sequence[Version]) -> None:
        """Bring the tail's best up to date with what this saying says now."""
        best = None
        for version in versions:
            if version.valid_to == FOREVER and version.effect is not None:
                assert isinstance(version.content, int)
                best = (rank, version.effect, version.start, tie, version.valid_from, saying, version.content)
        held = tail.best
        if held is None or held[5] != saying:
            tail.best = max((it for it in (held, best) if it is not None), default=None)
        elif best is not None and best >= held:
            tail.best = best
        else:  # what governed does so no longer
            tail.best = self._read_best(job)

    def _append_segment(self, job: int, tail: Tail, since: Instant, position: Position) -> list[EdgeChange]:
        """`_redraw` for what comes after everything that was said of a job."""
        before = tail.segment
        held = (before.saying, before.set_id) if before is not None else (0, 0)
        governing = (tail.best[5], tail.best[6]) if tail.best is not None else self._governing(job, since)
        if governing == held:
            return []
        segment = tail.segment = Segment(since, *governing)
        self._replace_segments(job, (), (segment,), position)
        if segment.set_id == held[1]:
            return []
        return self._redraw_edges(job, since, held[1], (segment,), position, is_first=before is None)

    def _read_pieces(self, key: tuple[int, int]) -> dict[Version, Piece]:
        if key[0] in self._nodes.made:
            return {}
        rows = self._database.execute(
            "SELECT id, valid_from, valid_to, set_id, effect, start, known_from FROM piece"
            " WHERE saying = ? AND job_id = ? AND known_to = ? ORDER BY valid_from",
            (*key, LATEST),
        )
        return {Version(*row[1:6]): Piece(*row) for row in rows}

    def _close_piece(self, piece: Piece, position: Position) -> None:
        if piece.known_from == position:
            self._database.execute("DELETE FROM piece WHERE id = ?", (piece.id,))
        else:
            self._database.execute("UPDATE piece SET known_to = ? WHERE id = ?", (position, piece.id))

    def _redraw(self, job: int, since: Instant, touched: set[Instant], position: Position) -> list[EdgeChange]:
        """Look the governing segments up again from `since` on, and re-draw the edges if they differ."""
        later = self._database.execute(
            "SELECT valid_from FROM piece WHERE job_id = ? AND valid_from > ? AND known_to = ?", (job, since, LATEST)
        ).fetchall()
        later += self._database.execute(
            "SELECT valid_to FROM piece WHERE job_id = ? AND valid_to > ? AND saying < 0"
            " AND valid_to < 4611686018427387904 AND known_to = 4611686018427387904",
            (job, since),
        ).fetchall()
        instants = sorted({since, *touched, *(row[0] for row in later)})
        before = self._database.execute(
            "SELECT valid_from, saying, set_id FROM governs WHERE job_id = ? AND valid_from < ? AND known_to = ?"
            " ORDER BY valid_from DESC LIMIT 1",
            (job, since, LATEST),
        ).fetchone()
        held = (before[1], before[2]) if before else (0, 0)
        segments: list[Segment] = []
        for instant in instants:
            governing = self._governing(job, instant)
            if governing != held:
                segments.append(Segment(instant, *governing))
                held = governing
        old = [
            (Segment(*row[:3]), row[3])
            for row in self._database.execute(
                "SELECT valid_from, saying, set_id, known_from FROM governs WHERE job_id = ? AND valid_from >= ?"
                " AND known_to = ?",
                (job, since, LATEST),
            ).fetchall()
        ]
        if segments:
            self._tails(job).segment = segments[-1]
        elif old:
            self._tails(job).segment = Segment(*before) if before else None
        if [it for it, _ in old] == segments:
            return []
        self._replace_segments(job, old, segments, position)
        start_set = before[2] if before else 0
        if {start_set, *(it.set_id for it in segments), *(it.set_id for it, _ in old)} == {start_set}:
            return []
        return self._redraw_edges(job, since, start_set, segments, position)

    def _governing(self, job: int, at: Instant) -> tuple[int, int]:
        for rank in self._ranks(job):
            row = self._database.execute(
                "SELECT saying, set_id FROM piece WHERE job_id = ? AND rank = ? AND effect <= ? AND valid_from <= ?"
                " AND valid_to > ? AND known_to = 4611686018427387904 AND effect IS NOT NULL"
                " ORDER BY effect DESC, start DESC, tie DESC, valid_from DESC LIMIT 1",
                (job, rank, at, at, at),
            ).fetchone()
            if row is not None:
                return row[0], row[1]
        row = self._database.execute(
            "SELECT saying, set_id FROM piece WHERE job_id = ? AND valid_from <= ? AND valid_to > ?"
            " AND known_to = 4611686018427387904 AND effect IS NULL"
            " ORDER BY start DESC, tie DESC, valid_from DESC LIMIT 1",
            (job, at, at),
        ).fetchone()
        return (row[0], row[1]) if row is not None else (0, 0)

    def _read_ranks(self, job: int) -> list[int]:
        """The ranks at which anything was ever said of a job's lineage, highest first."""
        if job in self._nodes.made:
            return []
        seek = (
            "SELECT 1 FROM piece WHERE job_id = ? AND rank = ? AND known_to = 4611686018427387904"
            " AND effect IS NOT NULL LIMIT 1"
        )
        return [rank for rank in (3, 2, 1) if self._database.execute(seek, (job, rank)).fetchone()]

    def _replace_segments(
        self, job: int, old: Sequence[tuple[Segment, int]], new: Sequence[Segment], position: Position
    ) -> None:
        kept = {it for it, _ in old} & set(new)
        for segment, known_from in old:
            if segment in kept:
                continue
            if known_from == position:
                self._database.execute(
                    "DELETE FROM governs WHERE job_id = ? AND valid_from = ? AND known_from = ?",
                    (job, segment.valid_from, known_from),
                )
            else:
                self._database.execute(
                    "UPDATE governs SET known_to = ? WHERE job_id = ? AND valid_from = ? AND known_from = ?",
                    (position, job, segment.valid_from, known_from),
                )
        for segment in new:
            if segment not in kept:
                self._database.execute(
                    "INSERT INTO governs (job_id, valid_from, known_from, known_to, saying, set_id)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (job, segment.valid_from, position, LATEST, segment.saying, segment.set_id),
                )

    def _redraw_edges(
        self,
        job: int,
        since: Instant,
        start_set: int,
        segments: Sequence[Segment],
        position: Position,
        is_first: bool = False,
    ) -> list[EdgeChange]:
        """`is_first`: the job has no edges yet."""
        rows = (
            []
            if is_first
            else self._database.execute(
                "SELECT id, kind, source, target, detail, valid_from, valid_to, known_from FROM edge"
                " WHERE job_id = ? AND valid_to >= ? AND known_to = 4611686018427387904",
                (job, since),
            ).fetchall()
        )
        old: dict[Span, tuple[int, int]] = {}
        begun: dict[Edge, Instant] = {}
        for id, kind, source, target, detail, valid_from, valid_to, known_from in rows:
            edge = (kind, source, target, read_detail(detail) if detail else ())
            old[edge, valid_from, valid_to] = (id, known_from)
            if valid_from < since <= valid_to:
                begun[edge] = valid_from
        new = _spans(begun, self.edge_set(start_set), segments, self.edge_set)
        closed = [(span, row) for span, row in old.items() if span not in new]
        for _, (id, known_from) in closed:
            if known_from == position:
                self._database.execute("DELETE FROM edge WHERE id = ?", (id,))
            else:
                self._database.execute("UPDATE edge SET known_to = ? WHERE id = ?", (position, id))
        opened = [span for span in new if span not in old]
        self._database.executemany(
            "INSERT INTO edge (id, kind, job_id, source, target, detail, valid_from, valid_to, known_from, known_to)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    self._ids["edge"].new(),
                    edge[0],
                    job,
                    edge[1],
                    edge[2],
                    _encode(edge[3]) if edge[3] else None,
                    start,
                    end,
                    position,
                    LATEST,
                )
                for edge, start, end in opened
            ],
        )
        was = {edge for edge, _, end in old if end == FOREVER}
        now = {edge for edge, _, end in new if end == FOREVER}
        return [EdgeChange(True, edge, job) for edge in sorted(now - was, key=repr)] + [
            EdgeChange(False, edge, job) for edge in sorted(was - now, key=repr)
        ]


def _spans(
    begun: dict[Edge, Instant],
    start: frozenset[Edge],
    segments: Sequence[Segment],
    edges: Callable[[int], frozenset[Edge]],
) -> set[Span]:
    """The maximal spans from the first segment on; `begun`: since when the edges that hold there have held."""
    current = {edge: begun[edge] for edge in start if edge in begun}
    found: set[Span] = set()
    for segment in segments:
        said = edges(segment.set_id)
        for edge in [edge for edge in current if edge not in said]:
            if (held := current.pop(edge)) < segment.valid_from:
                found.add((edge, held, segment.valid_from))
        for edge in said:
            current.setdefault(edge, segment.valid_from)
    found.update((edge, held, FOREVER) for edge, held in current.items())
    return found


def read_content(database: Database, content: int) -> Flows:
    """What an envelope said of lineage, from its row."""
    found: Flows = _read_flows(database.execute("SELECT body FROM content WHERE id = ?", (content,)).fetchone()[0])
    return found


def _fields(version: Version) -> tuple[Instant, Instant, int, Instant | None, Instant]:
    assert isinstance(version.content, int)
    return version.valid_from, version.valid_to, version.content, version.effect, version.start


def _net(changes: Sequence[EdgeChange]) -> list[EdgeChange]:
    """Several redraws of one envelope as one difference: what opened and closed again is no change."""
    balance: dict[tuple[Edge, int], int] = {}
    for change in changes:
        key = (change.edge, change.job)
        balance[key] = balance.get(key, 0) + (1 if change.opened else -1)
    return [EdgeChange(count > 0, edge, job) for (edge, job), count in balance.items() if count]


def _adds_nothing(events: Sequence[RunEvent], event: RunEvent) -> bool:
    """A newest RUNNING or OTHER that says what was said before: a heartbeat of a long run."""
    return (
        len(events) > 1
        and events[-1] is event
        and events[-2].at < event.at
        and event.type in ("RUNNING", "OTHER", "")
        and (not event.content or event.content == events[-2].content)
        and (not event.streaming or events[-2].streaming)
    )


def names_in(flows: Flows) -> set[Name]:
    """Every name an envelope's lineage speaks of."""
    found: set[Name] = {*flows.inputs, *flows.outputs}
    for output in (*flows.column_lineage, *flows.entry_columns, *flows.inferred):
        found.add(output.output)
        found.update(item.source for item in output.flows or ())
    for entry in flows.entries or ():
        found.add(entry.target)
        if entry.source is not None:
            found.add(entry.source)
    return found
