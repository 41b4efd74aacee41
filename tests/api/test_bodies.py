"""Bodies: never more than allowed, packed or not."""

import asyncio
import gzip
import json
import tracemalloc
import zlib

import pytest

from api.bodies import read_body
from api.problems import UnsupportedMediaType
from graph.errors import InvalidInput, TooLarge

EVENT = json.dumps({"job": {"name": "köln"}}, ensure_ascii=False).encode()
LIMIT = 10_000_000


class Chunks:
    """An ASGI receive that gives chunks, and counts how often it was asked."""

    def __init__(self, *chunks: bytes) -> None:
        self.left = list(chunks)
        self.asked = 0

    async def __call__(self) -> dict[str, object]:
        self.asked += 1
        chunk = self.left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self.left)}


def read(receive: Chunks, limit: int = LIMIT, **headers: str) -> bytes:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return asyncio.run(read_body(pairs, receive, limit))


def test_a_body_may_come_in_chunks() -> None:
    assert read(Chunks(EVENT[:5], b"", EVENT[5:], b"")) == EVENT


def test_a_body_whose_length_is_too_great_is_refused_before_a_byte_is_read() -> None:
    receive = Chunks(b"x" * 100)

    with pytest.raises(TooLarge):
        read(receive, 50, content_length="100")
    assert receive.asked == 0


def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_long() -> None:
    receive = Chunks(*[b"x" * 10] * 100)

    with pytest.raises(TooLarge):
        read(receive, 50)
    assert receive.asked == 6


@pytest.mark.parametrize(
    "headers",
    [{"content_encoding": "gzip"}, {"content_encoding": "gzip, gzip"}, {"content_encoding": "x-gzip"}, {}],
)
def test_gzip_is_unpacked_whatever_the_headers_say_of_it(headers: dict[str, str]) -> None:
    packed = gzip.compress(EVENT)

    assert read(Chunks(packed[:7], packed[7:]), **headers) == EVENT


def test_gzip_within_gzip_and_gzip_in_several_members_are_unpacked() -> None:
    assert read(Chunks(gzip.compress(gzip.compress(EVENT)))) == EVENT
    assert read(Chunks(gzip.compress(EVENT[:4]) + gzip.compress(EVENT[4:]))) == EVENT


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(EVENT)[:-9],
        gzip.compress(EVENT) + b"rest",
        b"\x1f\x8bnonsense",
        gzip.compress(gzip.compress(gzip.compress(EVENT))),
    ],
)
def test_gzip_that_is_broken_cut_or_followed_by_something_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="gzip"):
        read(Chunks(body))


def test_a_body_that_only_claims_to_be_gzip_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not gzip"):
        read(Chunks(EVENT), content_encoding="gzip")


@pytest.mark.parametrize("size", [200_000_000, 9_000_000])
def test_a_bomb_is_refused_without_being_unpacked(size: int) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + packer.flush()
    tracemalloc.start()

    with pytest.raises(TooLarge):
        read(Chunks(bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 50_000_000


def test_what_repeats_itself_a_little_is_no_bomb() -> None:
    body = b"[" + b'{"name":"a"},' * 4_000 + b"0]"

    assert read(Chunks(gzip.compress(body, 9))) == body


@pytest.mark.parametrize("charset", ["ISO-8859-1", "utf-16", '"utf-8"', "UTF8"])
def test_a_charset_is_converted_to_utf_8(charset: str) -> None:
    body = EVENT.decode().encode(charset.strip('"'))

    assert read(Chunks(body), content_type=f"application/json; charset={charset}") == EVENT


@pytest.mark.parametrize(
    "headers",
    [
        {"content_encoding": "br"},
        {"content_encoding": "gzip, deflate"},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/json; charset=klingon"},
        {"content_type": "application/json; charset=base64"},
    ],
)
def test_encodings_types_and_charsets_that_are_not_read_are_named(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMediaType) as raised:
        read(Chunks(EVENT), **headers)

    assert raised.value.field in ("Content-Encoding", "Content-Type")


def test_text_that_is_not_in_its_charset_is_refused() -> None:
    with pytest.raises(InvalidInput, match="utf-16"):
        read(Chunks(b"\x00\xd8\x00\xd8"), content_type="application/json; charset=utf-16-le")
