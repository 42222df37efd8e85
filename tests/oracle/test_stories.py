"""The smallest stories in which something was once wrong; named for what happens in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.play import play
from tests.oracle.report import finds
from tests.oracle.story import Story

STORIES = sorted(Path(__file__).with_name("stories").glob("*.json"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_nothing_is_wrong_in(path: Path) -> None:
    account = play(Story.from_json(path.read_text(encoding="utf-8")))
    assert account.asked
    assert [str(find) for find in finds(account)] == []
