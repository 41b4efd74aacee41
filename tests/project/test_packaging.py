"""Andon's packages have plain names at the root: nobody else owns them, and the wheel holds them alone."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAMED = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
PACKAGES = [name for name in NAMED if (ROOT / name / "__init__.py").exists()]
VERSION = PROJECT["project"]["version"]
OWNERS = importlib.metadata.packages_distributions()
FOR_OTHERS = {ROOT / "examples" / "gate" / "airflow_dag.py"}
"""What runs in an environment that is not ours."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_installs_a_package_of_our_name(package: str) -> None:
    owners = set(OWNERS.get(package, []))

    assert owners <= {"andon"}


def test_every_package_named_for_the_wheel_exists() -> None:
    assert PACKAGES == NAMED


def test_the_import_contract_covers_every_layer_that_exists() -> None:
    layers = {"ontology", "graph", "ingest", "rules", "jobs", "api"} & set(PACKAGES)
    linter = PROJECT["tool"]["importlinter"]
    [contract] = linter["contracts"]
    ordered = {name for layer in contract["layers"] for name in layer.split(" | ")}

    assert set(linter["root_packages"]) == ordered == layers


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}

    assert tops == {*PACKAGES, f"andon-{VERSION}.dist-info"}


def test_the_wheel_brings_every_data_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    data = {name for name in tracked if name and not name.endswith(".py") and (ROOT / name).exists()}

    assert data <= set(wheel.namelist())


def test_it_is_marked_not_for_a_public_index(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read(f"andon-{VERSION}.dist-info/METADATA").decode()

    assert "Classifier: Private :: Do Not Upload" in metadata


def test_one_version_is_told_everywhere() -> None:
    installed = importlib.metadata.version("andon")
    page = json.loads((ROOT / "ui/package.json").read_text())["version"]
    image = re.search(r"image: andon:(\S+)", (ROOT / "docker-compose.yml").read_text())

    assert (installed, page, image and image[1]) == (VERSION, VERSION, VERSION)


def test_what_the_code_imports_is_declared_as_a_dependency() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    optional = [line for extra, lines in extras.items() if extra not in ("test", "dev") for line in lines]
    declared = {Requirement(line).name.lower() for line in [*PROJECT["project"]["dependencies"], *optional]}
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    imported = {name for file in files if file not in FOR_OTHERS for name in imported_packages(file)}

    undeclared = {
        name
        for name in imported - set(sys.stdlib_module_names) - set(PACKAGES)
        if not declared & {owner.lower().replace("_", "-") for owner in OWNERS.get(name, [])}
    }

    assert undeclared == set()


def imported_packages(file: Path) -> set[str]:
    """Top-level names of every absolute import in the file, also those inside functions."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    origins = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | origins}
