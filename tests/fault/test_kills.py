"""`kill -9` under load: nothing is lost, nothing is sent twice, nothing is said wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.kills import play

SEED = 20261121


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_ten_kills_under_load_lose_nothing_and_repeat_nothing(tmp_path: Path):
    report = await play(tmp_path, kills=10, seed=SEED)
    assert report.wrong == [], f"seed {SEED}"
    assert report.kills == 10
    assert report.requests > 20
    assert report.events > report.requests
