"""Which paths go through to Finesse, and which could lead elsewhere."""

from __future__ import annotations

import pytest

from listener.dropin.targets import MAX_TARGET, BadTarget, NotServed, check


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (b"/finesse/api/User/1001", b""),
        (b"/finesse/api/User/1001/Dialogs", b""),
        (b"/finesse/api/Users/", b""),
        (b"/finesse/api/User/a%20b", b""),
        (b"/finesse/api/User/M%C3%BCller", b""),
        (b"/finesse/api/User/100%25", b""),
        (b"/finesse/api/Dialog/3.2", b""),
        (b"/finesse/api/Dialog/...", b""),
        (b"/finesse/api/User/1001;jsessionid=1", b""),
        (b"/finesse/api/User/1001/ReasonCodes", b"category=NOT_READY"),
        (b"/finesse/api/User/1001", b"next=/../..//%2f%2e&q='\"{|}"),
    ],
)
def test_finesses_own_paths_pass_byte_for_byte(path: bytes, query: bytes):
    assert check(path, query) == (path + b"?" + query if query else path)


@pytest.mark.parametrize(
    "path",
    [b"/", b"/v1/requests", b"/finesse/api", b"/finesse/apix/User", b"/Finesse/API/User/1"],
)
def test_other_paths_are_not_served(path: bytes):
    with pytest.raises(NotServed):
        check(path, b"")


@pytest.mark.parametrize(
    "path",
    [
        b"/finesse/api/../admin",
        b"/finesse/api/./User/1",
        b"/finesse/api/User/..",
        b"/finesse/api/%2e%2e/admin",
        b"/finesse/api/%2E./admin",
        b"/finesse/api/%252e%252e/admin",
        b"/finesse/api/%25252e%25252e/admin",
        b"/finesse/api/..;/admin",
        b"/finesse/api/%2e%2e%3b/admin",
        b"/finesse/api/.;x=1/admin",
        b"/finesse/api//User/1",
        b"/finesse/api/User//",
        b"/finesse/api/;x/User",
        b"//finesse/api/User/1",
        b"/finesse/api/User/1/;x",
        b"/finesse/api/User%2f..%2fadmin",
        b"/finesse/api/User%2F1",
        b"/finesse/api/User%252F1",
        b"/finesse/api/User\\1",
        b"/finesse/api/User%5c1",
        b"/finesse/api/User%255c1",
        b"/finesse/api/User/1%00",
        b"/finesse/api/User/1%0d%0aX:y",
        b"/finesse/api/User/1%7f",
        b"/finesse/api/User/1%C2%85",
        b"/finesse/api/User/1%2500",
        b"/finesse/api/%c0%ae%c0%ae/admin",
        b"/finesse/api/User/%ff",
        b"/finesse/api/User/%zz",
        b"/finesse/api/User/%u002e",
        b"/finesse/api/User/%",
        b"/finesse/api/User/a b",
        b"/finesse/api/User/1#x",
        b"/finesse/api/User/" + b"%25" * 40 + b"41",
        b"/finesse/../finesse/api/User/1",
        b"http://127.0.0.1/finesse/api/User/1",
        b"finesse.example.com:443",
        b"*",
        b"",
        b"/finesse/api/User/" + b"1" * MAX_TARGET,
    ],
)
def test_what_could_lead_elsewhere_is_refused(path: bytes):
    if b"%25" * 40 in path:
        path = path.replace(b"%25" * 40, b"%" + b"25" * 40)
    with pytest.raises(BadTarget):
        check(path, b"")


@pytest.mark.parametrize("query", [b"a=b#c", b"a=b c", b"a=\x7f", b"a=\xc3\xbc"])
def test_queries_that_no_request_line_can_carry_are_refused(query: bytes):
    with pytest.raises(BadTarget):
        check(b"/finesse/api/User/1", query)


def test_the_refusal_says_why_and_repeats_nothing():
    with pytest.raises(BadTarget) as refused:
        check(b"/finesse/api/User/secret%2fsecret", b"")
    assert "encoded slash" in str(refused.value)
    assert "secret" not in str(refused.value)
