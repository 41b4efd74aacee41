"""A journal that is moved is the same one: exported, imported, whole, in parts, cut off and altered."""

from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
from collections.abc import Iterator
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import pyarrow.parquet
import pytest

from graph import moving
from graph.errors import Conflict, InvalidInput
from graph.journal import DeadLetter, Journal
from graph.model import Envelope, NewEnvelope
from graph.moving.records import line_of
from graph.sqlite_journal import SqliteJournal

BODIES = [
    b'{"eventType": "START",\r\n  "name": "caf\xc3\xa9 \\u0000"}  ',
    b"\xff\xfe no text at all \x00",
    b"",
    "a BOM first: \ufeff and \u2028 within".encode("utf-8-sig"),
    b"a secret",
    b"x" * 100_000,
]
NAMES = ["whole.ndjson", "whole.ndjson.gz", "whole.parquet"]
SECRET = 5  # its position


class Clock:
    """A millisecond later each time it is looked at, with microseconds that are not round."""

    def __init__(self) -> None:
        self.now = 1_767_225_600_000_123

    def __call__(self) -> int:
        self.now += 1_001
        return self.now


def opened(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder / "journal.db", synchronous="OFF", clock=Clock())


def fill(journal: Journal, bodies: list[bytes]) -> None:
    for number, body in enumerate(bodies):
        key = blake2b(body + bytes([number % 256]), digest_size=16).digest()
        journal.append([NewEnvelope("openlineage" if number % 2 else "mutation", f"source {number}", key, body)])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Bodies of every sort, one redacted, and dead letters with and without a position; an id is missing."""
    journal = opened(tmp_path / "source")
    fill(journal, BODIES)
    journal.redact(SECRET, "held a password")
    journal.add_dead_letter("openlineage", "is no UUID", "run.runId", b"\xff{")
    journal.add_dead_letter("openlineage", "gone again", "", b"{")
    journal.add_dead_letter("openlineage", "could not be folded", "", BODIES[0], 1)
    journal.add_dead_letter("openlineage", "too large", "", None)
    journal.remove_dead_letter(2)
    yield journal
    journal.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Journal]:
    """Another journal, empty at first."""
    journal = opened(tmp_path / "other")
    yield journal
    journal.close()


Content = tuple[list[Envelope], list[str | None], list[DeadLetter]]


def content(journal: Journal) -> Content:
    """All that a journal holds."""
    envelopes = journal.read(0, 10_000)
    return envelopes, [journal.redaction(it.position) for it in envelopes], journal.dead_letters(10_000)


@pytest.mark.parametrize("name", NAMES)
def test_a_moved_journal_is_the_same_however_often_it_is_imported(
    tmp_path: Path, journal: Journal, other: Journal, name: str
) -> None:
    end = moving.export_file(journal, tmp_path / name)
    before = content(journal)
    assert (end.envelopes, end.dead_letters) == (len(BODIES), 3)
    assert [it.body for it in before[0]] == [*BODIES[:4], None, BODIES[5]]

    first = moving.import_file(other, tmp_path / name)
    assert content(other) == before
    again = moving.import_file(other, tmp_path / name)

    assert content(other) == before
    assert (first.envelopes, first.known, first.dead_letters) == (len(BODIES), 0, 3)
    assert (again.envelopes, again.known) == (0, len(BODIES))


@pytest.mark.parametrize("name", NAMES)
def test_a_moved_journal_exports_to_the_same_bytes_again(
    tmp_path: Path, journal: Journal, other: Journal, name: str
) -> None:
    end = moving.export_file(journal, tmp_path / name)
    moving.import_file(other, tmp_path / name)
    there = tmp_path / f"again-{name}"

    assert moving.export_file(other, there) == end
    assert there.read_bytes() == (tmp_path / name).read_bytes()


def test_both_formats_have_the_same_checksum(tmp_path: Path, journal: Journal) -> None:
    ends = [moving.export_file(journal, tmp_path / name) for name in NAMES]

    assert ends[0] == ends[1] == ends[2]


def test_the_lines_can_be_read_by_whoever_reads_json(journal: Journal) -> None:
    file = BytesIO()
    moving.export_stream(journal, file)

    header, first, second, *_, end = [json.loads(line) for line in file.getvalue().splitlines()]

    assert header == {"record": "journal", "version": 1, "first": 1, "last": 6}
    assert (first["position"], first["text"].encode()) == (1, BODIES[0])
    assert "base64" in second and "text" not in second
    assert end["envelopes"] == len(BODIES)


def test_the_parquet_file_can_be_queried(tmp_path: Path, journal: Journal) -> None:
    moving.export_file(journal, tmp_path / "whole.parquet")

    table = pyarrow.parquet.read_table(tmp_path / "whole.parquet")

    assert table.column("body").to_pylist()[:3] == BODIES[:3]
    assert table.column("record").to_pylist() == ["envelope"] * 6 + ["dead_letter"] * 3
    assert table.column("reason").to_pylist()[SECRET - 1] == "held a password"


def test_an_empty_journal_moves_too(tmp_path: Path, other: Journal) -> None:
    moving.export_file(other, tmp_path / "empty.ndjson")

    assert moving.import_file(other, tmp_path / "empty.ndjson").envelopes == 0


def test_parts_are_put_together_in_order_and_in_no_other(tmp_path: Path, journal: Journal, other: Journal) -> None:
    start, rest = tmp_path / "start.ndjson.gz", tmp_path / "rest.parquet"
    moving.export_file(journal, start, last=3)
    moving.export_file(journal, rest, first=4)

    with pytest.raises(Conflict, match="begins at position 4 and the journal ends at 0"):
        moving.import_file(other, rest)
    moving.import_file(other, start)
    assert other.last_position() == 3
    moving.import_file(other, rest)

    assert content(other) == content(journal)


def test_a_journal_that_has_the_beginning_or_more_is_brought_up(
    tmp_path: Path, journal: Journal, other: Journal
) -> None:
    old, new = tmp_path / "old.ndjson", tmp_path / "new.ndjson"
    moving.export_file(journal, old)
    fill(journal, [*BODIES, b"one more"][-1:])
    moving.export_file(journal, new)

    moving.import_file(other, old)
    done = moving.import_file(other, new)
    assert (done.envelopes, done.known) == (1, len(BODIES))
    assert content(other) == content(journal)
    assert moving.import_file(other, old).envelopes == 0, "the journal is ahead of the file, and the same so far"


def test_what_was_redacted_after_an_import_is_redacted_by_the_next(
    tmp_path: Path, journal: Journal, other: Journal
) -> None:
    old, new = tmp_path / "old.ndjson", tmp_path / "new.ndjson"
    moving.export_file(journal, old)
    moving.import_file(other, old)
    journal.redact(2, "somebody's name")
    moving.export_file(journal, new)

    assert moving.import_file(other, new).redacted == 1
    assert content(other) == content(journal)
    moving.import_file(other, old)
    assert content(other) == content(journal), "an older file does not bring the bytes back"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("first", [1, 3])
def test_a_journal_that_holds_something_else_is_left_alone(
    tmp_path: Path, journal: Journal, other: Journal, name: str, first: int
) -> None:
    moving.export_file(journal, tmp_path / name, first=first)
    fill(other, [b"something", b"else"])
    before = content(other)

    with pytest.raises(Conflict, match=r"the journal holds something else: position [12] is not that of the file"):
        moving.import_file(other, tmp_path / name)

    assert content(other) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_off_anywhere_is_refused_and_nothing_stored(
    tmp_path: Path, journal: Journal, other: Journal, name: str
) -> None:
    moving.export_file(journal, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    cuts = {len(whole) * part // 40 for part in range(40)} | {len(whole) - some for some in range(1, 12)}
    if name.endswith("ndjson"):
        cuts |= {place + 1 for place, one in enumerate(whole[:-1]) if one == ord("\n")}

    for cut in sorted(cuts):
        (tmp_path / name).write_bytes(whole[:cut])
        with pytest.raises(InvalidInput):
            moving.import_file(other, tmp_path / name)

    assert content(other) == ([], [], [])


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_an_altered_byte_is_refused(tmp_path: Path, journal: Journal, other: Journal, name: str) -> None:
    moving.export_file(journal, tmp_path / name)
    whole = (tmp_path / name).read_bytes()

    for place in range(30, len(whole), len(whole) // 50):
        altered = bytearray(whole)
        altered[place] ^= 1
        (tmp_path / name).write_bytes(altered)
        with contextlib.suppress(InvalidInput):  # unless the byte says nothing, such as packing's padding
            moving.import_file(other, tmp_path / name)
            assert name != "whole.ndjson"
        assert content(other) in (([], [], []), content(journal))


def test_a_file_with_something_behind_its_end_is_refused(tmp_path: Path, journal: Journal, other: Journal) -> None:
    moving.export_file(journal, tmp_path / "a.ndjson")
    (tmp_path / "a.ndjson").write_bytes((tmp_path / "a.ndjson").read_bytes() * 2)

    with pytest.raises(InvalidInput, match="behind the end"):
        moving.import_file(other, tmp_path / "a.ndjson")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "cut off"),
        (['{"position": 1}'], "line 1 is no record"),
        (["GIF89a"], "line 1 is no JSON"),
        (['{"record":"journal","version":2,"first":1,"last":0}'], "format 2, this Andon reads 1"),
        (['{"record":"end","envelopes":0,"dead_letters":0,"sha256":""}'], "checksum|header"),
    ],
)
def test_what_is_no_journal_is_told_so(tmp_path: Path, other: Journal, lines: list[str], why: str) -> None:
    (tmp_path / "a.ndjson").write_text("".join(line + "\n" for line in lines))

    with pytest.raises(InvalidInput, match=why):
        moving.import_file(other, tmp_path / "a.ndjson")


def test_lines_left_out_or_swapped_are_noticed_even_with_a_true_checksum(
    tmp_path: Path, journal: Journal, other: Journal
) -> None:
    header, *contents = moving.records(journal)
    for altered in (contents[1:], contents[:3] + contents[4:], contents[::-1], [*contents, contents[0]]):
        with (tmp_path / "a.ndjson").open("wb") as file:
            moving.ndjson.write(file, [header, *altered])  # type: ignore[list-item]
        with pytest.raises(InvalidInput):
            moving.import_file(other, tmp_path / "a.ndjson")

    assert content(other) == ([], [], [])
    assert line_of(header).startswith(b'{"record":"journal"')


def test_an_export_never_writes_over_a_file_and_leaves_no_half_of_one(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "taken.ndjson").write_text("precious")
    with pytest.raises(Conflict, match="there is a file"):
        moving.export_file(journal, tmp_path / "taken.ndjson")

    def fail(_done: int, _of: int) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        moving.export_file(journal, tmp_path / "half.ndjson.gz", progress=fail)

    assert (tmp_path / "taken.ndjson").read_text() == "precious"
    assert not list(tmp_path.glob("half*"))


def test_only_its_owner_may_read_an_export(tmp_path: Path, journal: Journal) -> None:
    moving.export_file(journal, tmp_path / "a.ndjson.gz")

    assert (tmp_path / "a.ndjson.gz").stat().st_mode & 0o777 == 0o600
    assert gzip.decompress((tmp_path / "a.ndjson.gz").read_bytes()).startswith(b'{"record":"journal"')


@pytest.mark.parametrize(("first", "last"), [(0, None), (9, None), (5, 3)])
def test_positions_that_are_not_there_are_refused(
    tmp_path: Path, journal: Journal, first: int, last: int | None
) -> None:
    with pytest.raises(InvalidInput, match="its last one is 6"):
        moving.export_file(journal, tmp_path / "a.ndjson", first=first, last=last)


@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_grow_with_the_journal(tmp_path: Path, other: Journal, name: str) -> None:
    source = opened(tmp_path / "large")
    block = bytes(range(256)) * 1_000
    for number in range(150):  # 38 MB
        body = number.to_bytes(4, "big") + block
        source.append([NewEnvelope("openlineage", "s", blake2b(body, digest_size=16).digest(), body)])

    tracemalloc.start()
    try:
        moving.export_file(source, tmp_path / name)
        exported = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        moving.import_file(other, tmp_path / name)
        imported = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    source.close()
    assert other.last_position() == 150
    assert max(exported, imported) < 30_000_000, (exported, imported)
