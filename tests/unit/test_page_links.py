"""Where a link leads: to an address at which a browser finds the page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from listener.entrances import _link
from listener.settings.serving import Api

TLS = {"tls_certificate": "/c.pem", "tls_key": "/k.pem"}


@pytest.mark.parametrize(
    ("api", "address", "link"),
    [
        ({"listen": "127.0.0.1:8470"}, "127.0.0.1:8470", "http://127.0.0.1:8470"),
        ({"listen": "127.0.0.1:0"}, "127.0.0.1:43121", "http://127.0.0.1:43121"),
        ({"listen": "localhost:0"}, "127.0.0.1:43121", "http://localhost:43121"),
        ({"listen": "[::1]:8470"}, "[::1]:8470", "http://[::1]:8470"),
        ({"listen": "box:8470", **TLS}, "10.0.0.5:8470", "https://box:8470"),
        ({"listen": "0.0.0.0:8470", **TLS}, "0.0.0.0:8470", "https://127.0.0.1:8470"),
        (
            {"listen": "[::]:8470", "allowed_hosts": ["listener.example"], **TLS},
            "[::]:8470",
            "https://listener.example:8470",
        ),
        ({"socket": "/run/s"}, None, None),
    ],
)
def test_a_link_names_what_a_browser_can_reach(api, address, link):
    doors = SimpleNamespace(addresses={} if address is None else {"api.tcp": address})

    assert _link(doors, Api.model_validate({"tokens_file": "/t.toml", **api})) == link
