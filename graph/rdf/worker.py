"""A process that answers SPARQL queries, one after another, and that may be killed at any moment.

python worker.py MEMORY    (bytes that it may take)

pyoxigraph cannot be told to give up a query, so each worker sets an alarm that ends the process when the query's time
is over, and may take no more memory than it was given. It opens stores read-only. Where the kernel can do that (Linux)
it can open no socket, so that no SERVICE goes out whatever a query looks like, and the parser only finds them to say
so; elsewhere a query that may have one and that the parser does not understand is refused.

Questions come on standard input, answers go to standard output, both as MessagePack with their length before them.
This file stands alone: it is run as a script, and imports nothing of Andon's.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from typing import IO, Literal

import msgspec
from pyoxigraph import (
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    serialize,
)

LENGTH = struct.Struct(">I")
_STORES_KEPT = 3
_NESTING = 10_000  # Python frames: the parser takes some twenty a level

_SOLUTIONS = {
    "json": QueryResultsFormat.JSON,
    "xml": QueryResultsFormat.XML,
    "csv": QueryResultsFormat.CSV,
    "tsv": QueryResultsFormat.TSV,
}
_GRAPHS = {
    "turtle": RdfFormat.TURTLE,
    "ntriples": RdfFormat.N_TRIPLES,
    "jsonld": RdfFormat.JSON_LD,
    "rdfxml": RdfFormat.RDF_XML,
}
_CODEPOINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")

_UPDATE = re.compile(
    r"(?:\s|#[^\n]*\n|BASE\s*<[^>]*>|PREFIX\s*[^\s:]*:\s*<[^>]*>)*"
    r"(?:INSERT|DELETE|LOAD|CLEAR|CREATE|DROP|COPY|MOVE|ADD|WITH)\b",
    re.IGNORECASE,
)


class Question(msgspec.Struct, frozen=True):
    """`solutions` and `graph` name the formats for either kind of answer, None where the caller takes none of it.

    `default_graphs` and `named_graphs` are the query's dataset where either is given.
    """

    folder: str
    query: str
    seconds: float
    max_bytes: int
    solutions: str | None = "json"
    graph: str | None = "turtle"
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    prefixes: dict[str, str] = {}
    """Name -> namespace, to write Turtle with."""


class Answer(msgspec.Struct, frozen=True):
    """`outcome` tells what `body` is; of a failure it is the reason."""

    outcome: Literal["solutions", "graph", "invalid", "unacceptable", "too_large", "failed"]
    body: bytes


class _TooLarge(Exception):
    pass


class _Bounded:
    """Takes what is written to it, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise _TooLarge
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...


def main() -> None:
    memory = int(sys.argv[1])
    os.nice(5)  # before questions come events
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent's to end us
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    sys.setrecursionlimit(_NESTING)
    is_cut_off = forbid_sockets()
    stores: dict[str, Store] = {}
    send(sys.stdout.buffer, b"")  # ready
    for frame in frames(sys.stdin.buffer):
        question = msgspec.msgpack.decode(frame, type=Question)
        signal.setitimer(signal.ITIMER_REAL, question.seconds)
        answer = _answer(question, stores, is_cut_off)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(sys.stdout.buffer, msgspec.msgpack.encode(answer))


def frames(source: IO[bytes]) -> Iterator[bytes]:
    """What comes, until the other side has ended."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        frame = source.read(length)
        if len(frame) < length:
            return
        yield frame


def send(target: IO[bytes], frame: bytes) -> None:
    target.write(LENGTH.pack(len(frame)) + frame)
    target.flush()


def forbid_sockets() -> bool:
    """Have the kernel refuse this process every socket from now on (seccomp); whether it does."""
    numbers = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}.get(platform.machine())
    if sys.platform != "linux" or numbers is None:
        return False
    architecture, socket = numbers
    program = (
        (0x20, 0, 0, 4), (0x15, 0, 3, architecture),  # the system call's architecture; of another one all are allowed
        (0x20, 0, 0, 0), (0x15, 0, 1, socket),  # its number
        (0x06, 0, 0, 0x00050000 | 13),  # EACCES
        (0x06, 0, 0, 0x7FFF0000),  # allowed
    )  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *it) for it in program))
    pointed = struct.pack("HxxxxxxP" if struct.calcsize("P") == 8 else "HxxP", len(program), ctypes.addressof(code))
    process = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, filtering = 38, 22, 2
    return bool(
        process.prctl(no_new_privileges, 1, 0, 0, 0) == 0
        and process.prctl(seccomp, filtering, ctypes.create_string_buffer(pointed), 0, 0) == 0
    )


def _answer(question: Question, stores: dict[str, Store], is_cut_off: bool) -> Answer:
    try:
        if calls_service(question.query, when_in_doubt=not is_cut_off):
            return Answer("invalid", b"SERVICE is not allowed here: a query asks this graph only")
        return _run(question, _open(question.folder, stores))
    except _TooLarge:
        return Answer("too_large", b"")
    except SyntaxError as error:
        if _UPDATE.match(question.query):
            return Answer("invalid", b"expected a query, found an update: RDF changes with what Andon is sent, only")
        return Answer("invalid", str(error).encode())
    except (ValueError, RuntimeError, OSError, RecursionError) as error:
        return Answer("failed", f"{type(error).__name__}: {error}".encode())


def _open(folder: str, stores: dict[str, Store]) -> Store:
    store = stores.pop(folder, None) or Store.read_only(folder)
    stores[folder] = store  # the last one asked is the last one to go
    while len(stores) > _STORES_KEPT:
        del stores[next(iter(stores))]
    return store


def _run(question: Question, store: Store) -> Answer:
    if question.default_graphs or question.named_graphs:
        result = store.query(
            question.query,
            default_graph=[NamedNode(it) for it in question.default_graphs],
            named_graphs=[NamedNode(it) for it in question.named_graphs],
        )
    else:
        result = store.query(question.query)
    out = _Bounded(question.max_bytes)
    if isinstance(result, QueryTriples):
        if question.graph is None:
            return Answer("unacceptable", b"a graph")
        prefixes = question.prefixes if question.graph == "turtle" else None
        serialize(result, out, _GRAPHS[question.graph], prefixes=prefixes)  # type: ignore[arg-type]  # a writer will do
        return Answer("graph", b"".join(out.parts))
    assert isinstance(result, QuerySolutions | QueryBoolean)
    if question.solutions is None:
        return Answer("unacceptable", b"solutions")
    result.serialize(out, _SOLUTIONS[question.solutions])  # type: ignore[arg-type]
    return Answer("solutions", b"".join(out.parts))


def calls_service(query: str, *, when_in_doubt: bool = False) -> bool:
    """Whether a query has a SERVICE anywhere, in its parsed form; `when_in_doubt` where the parser does not understand
    a query that may have one.
    """
    plain = _CODEPOINT.sub(lambda it: chr(int(it[1] or it[2], 16)), query)
    if "service" not in plain.lower():
        return False  # nearly always, and the parser takes some tens of milliseconds
    from rdflib.plugins.sparql.parser import parseQuery

    try:
        return _names_service(parseQuery(query))
    except Exception:  # rdflib's parser has no base class of its own for what it refuses
        return when_in_doubt


def _names_service(parsed: object) -> bool:
    if getattr(parsed, "name", None) == "ServiceGraphPattern":
        return True
    if isinstance(parsed, dict):
        return any(_names_service(it) for it in parsed.values())
    if isinstance(parsed, list | tuple) or type(parsed).__name__ in ("ParseResults", "plist"):
        return any(_names_service(it) for it in parsed)  # type: ignore[attr-defined]
    return False


if __name__ == "__main__":
    main()
