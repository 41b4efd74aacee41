"""Andon is Apache-2.0; what it installs and what its page bundles must be licensed to go along with that."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# SPDX identifiers that ask for no more than a notice, or (MPL, EPL) for changes to their own files only.
PERMITTED = {
    *(
        "0BSD",
        "Apache-2.0",
        "BlueOak-1.0.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "PSF-2.0",
        "Python-2.0",
    ),
    *("Unlicense", "EPL-2.0", "MPL-2.0", "W3C-20150513"),
}

# The LGPL too, but of a library that an extra asks for, that is imported from a package of its own and of which we ship
# no copy and change nothing: section 4 of the LGPL lets our code keep its licence as long as who has both may put
# another version of the library in its place, which `pip install` does. (psycopg: the driver of PostgreSQL.) Not in
# what everyone gets, so that an embedded installation has none of it.
PERMITTED_IN_EXTRAS = PERMITTED | {"LGPL-3.0-only"}

LOCKS = {"runtime": PERMITTED, "server": PERMITTED_IN_EXTRAS, "compiled": PERMITTED}

# Distributions whose metadata gives no SPDX expression say it in these words.
SAID_OTHERWISE = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD-3-Clause License": "BSD-3-Clause",
    "Dual License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def installed_of(lock: str) -> list[str]:
    names = re.findall(r"^([a-z0-9._-]+)==", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE)
    installed = {
        re.sub(r"[-_.]+", "-", distribution.name).lower() for distribution in importlib.metadata.distributions()
    }
    return [name for name in names if name in installed]


def licences(metadata: importlib.metadata.PackageMetadata) -> set[str]:
    """SPDX identifiers that the distribution states, from the expression if there is one."""
    if "License-Expression" in metadata:
        expression = metadata["License-Expression"]
        return set(re.split(r" (?:AND|OR|WITH) |[()]", expression)) - {""}
    classified = [
        line.split(" :: ")[-1] for line in (metadata.get_all("Classifier") or []) if line.startswith("License ::")
    ]
    classified = [words for words in classified if words != "OSI Approved"]  # which of them it doesn't say
    stated = classified or [metadata["License"] if "License" in metadata else "none"]
    return {SAID_OTHERWISE.get(words, words) for words in stated}


@pytest.mark.parametrize(("lock", "name"), [(lock, name) for lock in LOCKS for name in installed_of(lock)])
def test_a_dependency_may_be_used_by_apache_2_code(lock: str, name: str) -> None:
    stated = licences(importlib.metadata.metadata(name))

    assert stated and stated <= LOCKS[lock]


def test_every_lock_of_what_users_install_is_looked_at() -> None:
    """`dev` is for those who change Andon, `build` for making the wheel: neither goes to anyone."""
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == {*LOCKS, "dev", "build"}
    assert {"psycopg", "psycopg-binary", "neo4j", "pyarrow"} <= set(installed_of("server"))


def test_a_library_under_the_lgpl_is_in_no_wheel_of_ours() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ours = {path.name for package in packages["packages"] for path in (ROOT / package).rglob("*") if path.is_dir()}

    assert not {it for it in ours | set(packages["packages"]) if it.startswith("psycopg")}


def test_the_page_bundles_only_code_that_may_be_shipped_with_apache_2_code() -> None:
    packages = json.loads((ROOT / "ui/package-lock.json").read_text())["packages"]
    bundled = {path: entry for path, entry in packages.items() if path and not entry.get("dev")}

    refused = {
        path: entry.get("license")
        for path, entry in bundled.items()
        if not set(re.split(r" (?:AND|OR) |[()]", entry.get("license", "none"))) - {""} <= PERMITTED
    }

    assert refused == {}


def test_the_licence_file_is_the_licence_that_the_metadata_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "LICENSE").read_text()

    assert project["license"] == "Apache-2.0"
    assert text.split()[:5] == "Apache License Version 2.0, January".split()
    assert "END OF TERMS AND CONDITIONS" in text
