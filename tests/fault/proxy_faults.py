"""What may befall a network, each as one step on a `Proxy`; the names are the tests' ids."""

from __future__ import annotations

from tests.fault.proxy import Act, Proxy, Way


async def refused(proxy: Proxy) -> None:
    await proxy.refuse()


async def closed(proxy: Proxy) -> None:
    await proxy.refuse(Act.FIN)


async def reset(proxy: Proxy) -> None:
    await proxy.refuse(Act.RST)


async def frozen(proxy: Proxy) -> None:
    proxy.freeze()


async def black_hole(proxy: Proxy) -> None:
    proxy.black_hole()


async def deaf(proxy: Proxy) -> None:
    proxy.black_hole(Way.DOWN)


async def mute(proxy: Proxy) -> None:
    proxy.black_hole(Way.UP)
