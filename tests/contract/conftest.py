"""Each test of a port runs once for every adapter in `adapters`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.journal import Journal
from ontology import Ontology, load
from rules.outbox import Outbox
from tests.contract.adapters import (
    JOURNALS,
    OUTBOXES,
    PROJECTED_STORES,
    SERVER_JOURNALS,
    SERVER_OUTBOXES,
    SERVER_STORES,
    STORES,
    JournalPlace,
    OutboxPlace,
    Store,
    StorePlace,
)


@pytest.fixture(scope="session")
def words() -> Ontology:
    return load()


@pytest.fixture(params=[*JOURNALS, *SERVER_JOURNALS])
def journal_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(journal_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> JournalPlace:
    """Where a journal of each kind can be opened."""
    if journal_kind in JOURNALS:
        return JOURNALS[journal_kind](tmp_path)
    return SERVER_JOURNALS[journal_kind](request.getfixturevalue("postgres"))


@pytest.fixture
def journal(place: JournalPlace) -> Iterator[Journal]:
    """A journal of each kind, empty at first."""
    journal = place.open()
    yield journal
    journal.close()


@pytest.fixture(params=[*STORES, *SERVER_STORES, *PROJECTED_STORES])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    """Where a store of each kind can be opened."""
    kind = str(request.param)
    if kind in STORES:
        return STORES[kind](tmp_path)
    if kind in PROJECTED_STORES:
        return PROJECTED_STORES[kind](tmp_path, request.getfixturevalue("neo4j"))
    return SERVER_STORES[kind](request.getfixturevalue("postgres"))


@pytest.fixture
def store(store_place: StorePlace, words: Ontology) -> Iterator[Store]:
    """A store of each kind, empty at first."""
    store = store_place.open(words)
    yield store
    store.close()


@pytest.fixture(params=[*OUTBOXES, *SERVER_OUTBOXES])
def outbox_place(request: pytest.FixtureRequest, tmp_path: Path) -> OutboxPlace:
    """Where an outbox of each kind can be opened."""
    kind = str(request.param)
    if kind in OUTBOXES:
        return OUTBOXES[kind](tmp_path)
    return SERVER_OUTBOXES[kind](request.getfixturevalue("postgres"))


@pytest.fixture
def outbox(outbox_place: OutboxPlace) -> Iterator[Outbox]:
    """An outbox of each kind, empty at first."""
    outbox = outbox_place.open()
    yield outbox
    outbox.close()
