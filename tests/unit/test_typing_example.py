"""The public names as a type checker sees them: all six outcomes, none forgotten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "typing" / "api.py"
ROOT = EXAMPLE.parents[2]


def mypy(file: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Check one file strictly, with the project's settings."""
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    return subprocess.run(
        [*command, f"--cache-dir={cache}", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_example_type_checks_and_a_forgotten_outcome_does_not(tmp_path: Path):
    right = mypy(EXAMPLE, tmp_path / "cache")
    assert right.returncode == 0, right.stdout
    text = EXAMPLE.read_text(encoding="utf-8")
    forgotten = tmp_path / "api.py"
    forgotten.write_text(text.replace(" | Abandoned(reason=reason)", ""), encoding="utf-8")
    wrong = mypy(forgotten, tmp_path / "cache")
    assert wrong.returncode == 1
    assert 'Argument 1 to "assert_never"' in wrong.stdout
    assert "Abandoned" in wrong.stdout
