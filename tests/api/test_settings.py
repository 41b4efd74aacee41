"""One table of settings, one precedence."""

from dataclasses import Field
from pathlib import Path
from typing import Any

import pytest

from api.settings import ROWS, Settings, load
from graph.errors import InvalidInput


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text('port = 1\nhost = "127.0.0.2"\nlog_level = "debug"\n')

    read = load(
        {"port": "3", "host": None},
        {"ANDON_PORT": "2", "ANDON_HOST": "127.0.0.3"},
        working_directory=tmp_path,
    )

    assert (read.port, read.host, read.log_level, read.graphql_threads) == (3, "127.0.0.3", "debug", 4)


def test_every_setting_can_be_given_in_all_three_ways(tmp_path: Path) -> None:
    for row in ROWS:
        if row.metadata["secret"]:
            continue
        given = "api" if row.name == "role" else _other_than_default(row)
        by_flag = load({row.name: given}, {}, working_directory=tmp_path)
        by_variable = load({}, {f"ANDON_{row.name.upper()}": given}, working_directory=tmp_path)
        (tmp_path / "andon.toml").write_text(f'{row.name} = "{given}"')
        by_file = load({}, {}, working_directory=tmp_path)
        (tmp_path / "andon.toml").unlink()

        assert getattr(by_flag, row.name) == getattr(by_variable, row.name) == getattr(by_file, row.name)
        assert by_flag == by_variable == by_file != Settings()


def _other_than_default(row: Field[Any]) -> str:
    if row.metadata["schemes"]:
        return f"{row.metadata['schemes'][0]}://host:7007"
    return next((choice for choice in row.metadata["choices"] if choice != row.default), "7007")


def test_a_secret_is_given_by_the_environment_and_never_shown(tmp_path: Path) -> None:
    secrets = [row.name for row in ROWS if row.metadata["secret"]]
    for name in secrets:
        read = load({}, {f"ANDON_{name.upper()}": "swordfish"}, working_directory=tmp_path)
        assert getattr(read, name) == "swordfish"
        assert "swordfish" not in repr(read)

    assert {"postgres_url", "neo4j_password"} <= set(secrets)


@pytest.mark.parametrize(
    ("flags", "environ", "where"),
    [
        ({"port": "many"}, {}, "--port"),
        ({"graphql_timeout": "nan"}, {}, "--graphql-timeout"),
        ({"graphql_threads": "0"}, {}, "--graphql-threads"),
        ({}, {"ANDON_LOG_LEVEL": "loud"}, "ANDON_LOG_LEVEL"),
        ({"config": "nowhere.toml"}, {}, "config"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_it_was_given_under(
    tmp_path: Path, flags: dict[str, str], environ: dict[str, str], where: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        load(flags, environ, working_directory=tmp_path)

    assert raised.value.field == where


def test_a_misspelt_key_in_the_file_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text("prot = 1\n")

    with pytest.raises(InvalidInput, match="did you mean port"):
        load({}, {}, working_directory=tmp_path)


def test_variables_that_kubernetes_makes_for_a_service_called_andon_are_passed_over(tmp_path: Path) -> None:
    environ = {"ANDON_PORT": "tcp://10.0.0.1:8080", "ANDON_SERVICE_HOST": "10.0.0.1"}

    assert load({}, environ, working_directory=tmp_path).port == 8080


def test_values_that_rules_refer_to_are_handed_over_and_never_printed(tmp_path: Path) -> None:
    read = load({}, {"ANDON_SLACK": "https://hooks.example/secret", "HOME": "/root"}, working_directory=tmp_path)

    assert read.references == {"ANDON_SLACK": "https://hooks.example/secret"}
    assert "ANDON_SLACK = ***" in repr(read)
    assert "secret" not in repr(read)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_is_recognised(host: str) -> None:
    assert Settings(host=host).on_loopback
    assert Settings(host=host).introspection


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "andon.example", ""])
def test_everything_else_is_beyond_loopback_and_keeps_its_schema_to_itself(host: str) -> None:
    assert not Settings(host=host).on_loopback
    assert not Settings(host=host).introspection


@pytest.mark.parametrize(
    "uri",
    ["neo4j://h:7687", "neo4j+s://0123abcd.databases.neo4j.io", "neo4j+ssc://h", "bolt://[::1]:7687", "bolt+s://h/",
     "bolt+ssc://h", "NEO4J://h?policy=europe"],
)  # fmt: skip
def test_an_address_of_neo4j_has_one_of_its_schemes(uri: str) -> None:
    assert load({"neo4j_uri": uri}, {}).neo4j_uri == uri


@pytest.mark.parametrize(
    "uri",
    ["h:7687", "http://h:7474", "neo4j://", "neo4j://h:port", "bolt://h/path", "neo4j://u:hush4711@h", "hush4711"],
)
def test_another_address_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(InvalidInput, match="expected a URI such as neo4j://host:7687") as raised:
        load({}, {"ANDON_NEO4J_URI": uri})

    assert raised.value.field == "ANDON_NEO4J_URI"
    assert "hush4711" not in str(raised.value)
