"""Keys: what they open, and what never shows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api import auth
from api.auth import ANYONE, Caller, Keys, Scope, parse_scopes
from api.postgres_keys import PostgresKeyTable
from graph.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated, NotFound
from tests.servers.postgres import PostgresServer


@pytest.fixture(params=["file", "postgres"])
def open_keys(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Keys]:
    """Opens the same keys, kept in each way, as another process would; none at first."""
    if request.param == "file":
        return lambda: Keys(tmp_path / "keys.db")
    url, schema = request.getfixturevalue("postgres").new_schema()
    return lambda: Keys(PostgresKeyTable(url, schema=schema))


@pytest.fixture
def keys(open_keys: Callable[[], Keys]) -> Iterator[Keys]:
    keys = open_keys()
    yield keys
    keys.close()


def bearer(key: str) -> bytes:
    return f"Bearer {key}".encode()


def test_without_any_key_everybody_is_let_in(keys: Keys) -> None:
    assert keys.authenticate(b"") is ANYONE
    assert not keys.required


def test_a_key_names_its_caller_and_its_scopes(keys: Keys) -> None:
    key = keys.add("airflow", {Scope.EMIT})

    caller = keys.authenticate(bearer(key))

    assert caller == Caller("airflow", frozenset({Scope.EMIT}))
    with pytest.raises(NotAllowed, match="lacks the scope 'write'"):
        caller.require(Scope.WRITE)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda key: "",
        lambda key: key,
        lambda key: f"Basic {key}",
        lambda key: f"Bearer {key}x",
        lambda key: f"Bearer {key[:-1]}",
        lambda key: "Bearer andon_00000000_" + key.rpartition("_")[2],
        lambda key: f"Bearer x{key}",
        lambda key: "Bearer ",
        lambda key: "Bearer andon_é_ü",
    ],
)
def test_anything_but_a_whole_key_opens_nothing(keys: Keys, mangle) -> None:  # type: ignore[no-untyped-def]
    key = keys.add("airflow", {Scope.EMIT})

    with pytest.raises(NotAuthenticated):
        keys.authenticate(mangle(key).encode("latin-1"))


def test_a_revoked_key_opens_nothing_and_leaves_the_service_locked(keys: Keys) -> None:
    key = keys.add("airflow", {Scope.EMIT})
    keys.revoke("airflow")

    assert keys.required
    for header in (bearer(key), b""):
        with pytest.raises(NotAuthenticated):
            keys.authenticate(header)


def test_what_is_listed_holds_no_key(keys: Keys) -> None:
    secret = keys.add("airflow", {Scope.EMIT}).split("_", 2)[2]

    assert [kept.name for kept in keys.list()] == ["airflow"]
    assert secret not in repr(keys.list())


def test_the_file_holds_no_key_and_is_for_its_owner_only(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.db")
    secret = keys.add("airflow", {Scope.EMIT}).split("_", 2)[2]
    keys.close()

    assert secret.encode() not in (tmp_path / "keys.db").read_bytes()
    assert (tmp_path / "keys.db").stat().st_mode & 0o077 == 0


def test_the_database_holds_no_key(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    keys = Keys(PostgresKeyTable(url))
    key = keys.add("airflow", {Scope.EMIT})
    keys.close()

    kept = postgres.files_of(url)
    assert b"airflow" in kept, "or it was not looked for in the right place"
    assert key.split("_", 2)[2].encode() not in kept


def test_a_key_made_and_revoked_by_another_process_is_noticed(
    keys: Keys, open_keys: Callable[[], Keys], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_RELOAD_AFTER", 0)
    other = open_keys()
    key = other.add("dagster", {Scope.READ})

    assert keys.authenticate(bearer(key)).name == "dagster"

    other.revoke("dagster")
    other.close()
    with pytest.raises(NotAuthenticated):
        keys.authenticate(bearer(key))


def test_a_name_is_given_once_and_only_active_keys_can_be_revoked(keys: Keys) -> None:
    keys.add("airflow", {Scope.EMIT})

    with pytest.raises(Conflict):
        keys.add("airflow", {Scope.READ})
    with pytest.raises(NotFound):
        keys.revoke("dagster")
    with pytest.raises(InvalidInput):
        keys.add("two\nlines", {Scope.READ})


def test_scopes_are_read_from_words_and_unknown_words_are_refused() -> None:
    assert parse_scopes(" emit, read ") == {Scope.EMIT, Scope.READ}
    for text in ("", "emit,root"):
        with pytest.raises(InvalidInput):
            parse_scopes(text)


def test_keys_survive_being_closed(open_keys: Callable[[], Keys]) -> None:
    first = open_keys()
    key = first.add("airflow", {Scope.EMIT})
    first.close()

    second = open_keys()
    assert second.authenticate(bearer(key)).name == "airflow"
    second.close()
