"""The call that is left after a transfer belongs to who was consulted."""

from __future__ import annotations

import pytest

from listener.simulator.profiles import TransferOrder, Variants
from tests.unit.simulator.desk import MakeDesk


@pytest.mark.parametrize("order", list(TransferOrder))
async def test_consulted_agent_may_act_on_the_call_that_was_transferred(
    make_desk: MakeDesk, order: TransferOrder
) -> None:
    desk = make_desk(variants=Variants(transfer=order))
    original = await desk.talking()
    await desk.act("1001", "CONSULT_CALL", original, "<toAddress>2002</toAddress>")
    await desk.act("1002", "ANSWER", desk.finesse.calls[original].associated)
    await desk.act("1001", "TRANSFER", original)
    assert not desk.finesse.calls[original].over
    held = await desk.act("1002", "HOLD", original)
    assert held.status == 202
    assert desk.party(original, "1002") == "HELD"
