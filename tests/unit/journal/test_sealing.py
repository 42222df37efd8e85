"""What the journal's sealer remembers of what it sealed."""

from __future__ import annotations

from listener.journal import sealing

LONG = "x" * 1_000_000


def test_a_text_has_the_same_form_whether_it_is_remembered_or_not():
    sealer = sealing._Remembering(b"k" * 32)
    assert sealer.seal("short") is sealer.seal("short")
    assert sealer.seal(LONG) is not sealer.seal(LONG)
    assert sealer.seal(LONG) == sealing.Sealer(b"k" * 32).seal(LONG)
    assert [*sealer._known] == ["short"]


def test_no_more_than_so_many_texts_are_remembered():
    sealer = sealing._Remembering(b"k" * 32)
    for number in range(3 * sealing.REMEMBERED):
        sealer.seal(str(number))
        assert len(sealer._known) <= sealing.REMEMBERED
