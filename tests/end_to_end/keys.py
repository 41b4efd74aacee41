"""API keys of a service under test, made by the command line as an operator would."""

from pathlib import Path

from tests.end_to_end.service import run_andon


def add_key(data: Path, name: str, scope: str) -> str:
    """Make a key for a data directory and return its secret; `scope` is a list with commas."""
    made = run_andon("keys", "add", name, "--scope", scope, "--data", str(data))
    assert made.returncode == 0, made.stderr
    secrets: list[str] = [word for word in made.stdout.split() if len(word) >= 20]
    assert secrets, f"no key was printed: {made.stdout}"
    return secrets[-1]


def revoke_key(data: Path, name: str) -> None:
    revoked = run_andon("keys", "revoke", name, "--data", str(data))
    assert revoked.returncode == 0, revoked.stderr
