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
    ),
    *("Unlicense", "EPL-2.0", "MPL-2.0", "W3C-20150513"),
}

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


def installed_of_the_runtime_lock() -> list[str]:
    lock = (ROOT / "requirements/runtime.txt").read_text()
    names = re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE)
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


@pytest.mark.parametrize("name", installed_of_the_runtime_lock())
def test_a_runtime_dependency_may_be_shipped_with_apache_2_code(name: str) -> None:
    stated = licences(importlib.metadata.metadata(name))

    assert stated and stated <= PERMITTED


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
