"""A SystemInfo that names a domain which cannot be one, for a while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listener.assembly import Listener
from listener.rest import Rest
from tests.shell.stage import PACES, A, no_tasks_left, settings, simulated, until


@pytest.mark.parametrize("key", ["xmpp_domain", "xmpp_pub_sub_domain"])
@pytest.mark.parametrize("domain", ["bad domain", "a@b", "x" * 1100, "finesse..example", "-"])
async def test_odd_domain_in_system_info_stops_nobody_for_good(tmp_path, monkeypatch, domain, key):
    asked, odd = Rest.system_info, [domain]

    async def system_info(self, **how):
        info = await asked(self, **how)
        return replace(info, **{key: odd[0]}) if odd else info

    monkeypatch.setattr(Rest, "system_info", system_info)
    with no_tasks_left():
        async with simulated() as sim:
            opening = Listener.open(settings(sim, tmp_path), strict=False, paces=PACES)
            async with opening as listener:
                await until(lambda: "cannot be" in (listener.agents[A].last_error or ""))
                assert all(one.state == "waiting" for one in listener.agents.values())
                odd.clear()
                await until(lambda: all(one.live for one in listener.agents.values()))
