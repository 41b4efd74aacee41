"""The accounting of skipped tests in tests/conftest.py, tried on a suite of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text("def test_runs():\n    pass\n")
    return tmp_path


def run(suite: Path, *, ci: bool) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, timeout=60)


def skip(suite: Path, reason: str) -> None:
    (suite / "test_other.py").write_text(f"import pytest\n\n\ndef test_skips():\n    pytest.skip({reason!r})\n")


def test_an_unlisted_skip_fails_under_ci_and_is_named(suite: Path) -> None:
    skip(suite, "no moon tonight")

    outcome = run(suite, ci=True)

    assert outcome.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_other.py::test_skips: no moon tonight" in outcome.stdout


def test_a_module_that_skips_itself_counts_too(suite: Path) -> None:
    (suite / "test_other.py").write_text("import pytest\n\npytest.importorskip('andon_has_no_such_module')\n")

    assert run(suite, ci=True).returncode == pytest.ExitCode.TESTS_FAILED


def test_a_listed_reason_passes_under_ci(suite: Path) -> None:
    conftest = suite / "conftest.py"
    source = conftest.read_text()
    opening = "ALLOWED_SKIPS: dict[str, str] = {\n"
    assert opening in source
    conftest.write_text(source.replace(opening, f'{opening}    "no moon": "the moon is not ours",\n'))
    skip(suite, "no moon tonight")

    assert run(suite, ci=True).returncode == pytest.ExitCode.OK


def test_elsewhere_a_skip_is_only_counted(suite: Path) -> None:
    skip(suite, "no moon tonight")

    outcome = run(suite, ci=False)

    assert outcome.returncode == pytest.ExitCode.OK
    assert "tests skipped: 1" in outcome.stdout


def test_an_expected_failure_is_not_a_skip(suite: Path) -> None:
    (suite / "test_other.py").write_text(
        "import pytest\n\n\n@pytest.mark.xfail(strict=True)\ndef test_fails():\n    assert False\n"
    )

    outcome = run(suite, ci=True)

    assert outcome.returncode == pytest.ExitCode.OK
    assert "tests skipped: 0" in outcome.stdout
