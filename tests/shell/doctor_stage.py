"""A settings file for a simulated Finesse, and the doctor's walk by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener import doctor
from listener.cli.simulate import config_for
from listener.doctor import Report, Status, Step, Wanted
from tests.shell.stage import PASSWORD, A

if TYPE_CHECKING:
    from listener.simulator.assembly import Simulator


def config(
    folder: Path,
    simulator: Simulator,
    *,
    agents: tuple[str, ...] = (A,),
    passwords: dict[str, str] | None = None,
    edit: dict[str, str] | None = None,
    extra: str = "",
) -> Path:
    """Write settings for the simulator; `edit` replaces text in them."""
    known = PASSWORD | (passwords or {})
    (folder / "passwords").mkdir(exist_ok=True)
    for agent in agents:
        file = folder / "passwords" / agent
        file.touch(mode=0o600)
        file.write_text(known[agent])
    nodes = [("127.0.0.1", node.http.port, node.xmpp_port) for node in simulator.nodes]
    text = config_for(nodes, simulator.write_ca(folder / "ca.pem"), list(agents), folder)
    for old, new in (edit or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "listener.toml"
    file.write_text(text + extra)
    return file


async def examined(file: Path, **how: Any) -> Report:
    """Walk by that settings file."""
    return await doctor.check(Wanted(config=file, **how))


def step(report: Report, name: str, *, node: int = 0) -> Step:
    """Return the step of that name; `node` counts where there are several."""
    found = [one for one in report.steps if one.id == name]
    assert found, [one.id for one in report.steps]
    return found[node]


def failed(report: Report) -> list[str]:
    """Return the names of the steps that failed, in order."""
    return [one.id for one in report.steps if one.status is Status.FAILED]


def words(one: Step) -> str:
    """Return all that a step says."""
    causes = "; ".join(f"{cause.words} -> {cause.remedy}" for cause in one.verdict.causes)
    return f"{one.verdict.saw} {causes}"


async def yes(_words: str) -> bool:
    return True
