"""The look that spares most texts the search never spares one that the search would change."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from listener import redaction

PIECES = [
    *("<", "&lt;", ">", "&gt;", "/", "<auth>", "</AUTH>", "x:", "<value>", "</value>", "response"),
    *("Basic", "bearer", "BEARER ", "abc=", "pass", "word", "passwd", "secret", "token", "cookie"),
    *("dtmf", "_", "dtmfString", "extension", "Exten", "sion", "tel:", "sip", "s:", "SIPS:", "tel"),
    *("+", "1", "0042", "555 01 42", "=", ":", " ", "\n", '"', "'", "challenge", "number"),
    *("\u017f", "\u0130", "\u0131", "\u212a", "ba\u017fic ", "to\u212aen", "\u017fip:", "bas"),
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=9).map("".join)


@given(text=texts, show_numbers=st.booleans())
@example(text="ba\u017fic abc", show_numbers=False)
@example(text="to\u212aen=abc", show_numbers=False)
@example(text="bear\u0131er extens\u0130on 12", show_numbers=False)
@settings(max_examples=1500, deadline=None)
def test_a_text_is_redacted_as_if_it_were_always_searched(text: str, *, show_numbers: bool):
    expected = redaction.searched(text, show_numbers=show_numbers)
    assert redaction.text(text, show_numbers=show_numbers) == expected
