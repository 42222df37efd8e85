"""The second try of tests in real time: what is tried, what is not, and whose word counts."""

import json
from pathlib import Path

import pytest

from tests import again


def cache(folder: Path, *ids: str) -> Path:
    kept = folder / "v" / "cache" / "lastfailed"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(dict.fromkeys(ids, True)), encoding="utf-8")
    return folder


def test_a_test_that_passes_alone_ends_well_and_is_named(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(again, "REAL_TIME", (str(tmp_path),))
    good = tmp_path / "test_good.py"
    good.write_text("def test_it():\n    assert True\n", encoding="utf-8")
    name = f"{good}::test_it"
    code = again.main([str(cache(tmp_path / "c", name)), "-p", "no:cacheprovider", "--no-cov"])
    assert code == 0
    assert f"passed at the second try only: {name}" in capfd.readouterr().out


def test_a_test_that_fails_twice_fails_the_run(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(again, "REAL_TIME", (str(tmp_path),))
    bad = tmp_path / "test_bad.py"
    bad.write_text("def test_it():\n    raise AssertionError\n", encoding="utf-8")
    name = f"{bad}::test_it"
    code = again.main([str(cache(tmp_path / "c", name)), "-p", "no:cacheprovider", "--no-cov"])
    assert code == 1
    assert "second try only" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ((), "no test did"),
        (("tests/unit/test_x.py::test_y",), "tests/unit/test_x.py::test_y"),
        (("tests/fault/test_x.py::test_y", "tests/oracle/test_z.py::test_z"), "tests/oracle"),
        (tuple(f"tests/fault/test_x.py::test_{n}" for n in range(6)), "6 tests failed"),
    ],
)
def test_other_failures_are_final(tmp_path, capsys, ids, why):
    assert again.main([str(cache(tmp_path, *ids))]) == 1
    said = capsys.readouterr().out
    assert said.startswith("== no second try: ")
    assert why in said


def test_a_run_that_left_no_cache_is_final(tmp_path, capsys):
    assert again.main([str(tmp_path)]) == 1
    assert "no second try" in capsys.readouterr().out
