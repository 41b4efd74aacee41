"""docker-compose.yml names only what exists: settings, flags, volumes; and holds no secret."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import PREFIX, ROWS, flag

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROFILES = {"embedded": {"andon"}, "server": {"andon-1", "andon-2", "postgres", "neo4j"}}

each_service = pytest.mark.parametrize("name", SERVICES)


def test_every_service_belongs_to_one_of_the_two_ways_to_run() -> None:
    found: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        [profile] = service["profiles"]
        found.setdefault(profile, set()).add(name)

    assert found == PROFILES


@each_service
def test_every_setting_that_is_named_exists(name: str) -> None:
    named = {key for key in SERVICES[name].get("environment", {}) if key.startswith(PREFIX)}

    assert named - {PREFIX + row.name.upper() for row in ROWS} == set()


@each_service
def test_every_flag_of_andon_that_is_given_exists(name: str) -> None:
    flags = {word for word in SERVICES[name].get("command", []) if word.startswith("--")}

    assert flags - {flag(row.name) for row in ROWS} == set()


@each_service
def test_every_service_says_how_it_is_and_keeps_what_it_has(name: str) -> None:
    service = SERVICES[name]
    volumes = {entry.split(":")[0] for entry in service.get("volumes", ())}
    keeps_it_in_postgres = "ANDON_POSTGRES_URL" in service.get("environment", {})

    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert volumes <= set(COMPOSE["volumes"])
    assert bool(volumes) != keeps_it_in_postgres


def test_servers_are_waited_for() -> None:
    for name in ("andon-1", "andon-2"):
        waited = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
        assert waited == {"postgres": "service_healthy", "neo4j": "service_healthy"}


def test_secrets_come_from_the_environment_and_an_embedded_user_need_not_set_them() -> None:
    given = [str(value) for it in SERVICES.values() for key, value in it.get("environment", {}).items() if _secret(key)]

    assert len(given) == 6
    assert all(re.fullmatch(r"(neo4j/)?\$\{[A-Z0-9_]+:-\}", value) for value in given)
    assert ":?" not in TEXT, "compose asks for such a variable whichever profile is started"


def _secret(key: str) -> bool:
    return key.endswith(("PASSWORD", "AUTH"))


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert all(port.startswith("127.0.0.1:") for port in ports)
