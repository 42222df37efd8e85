"""`listener demo`: a simulated Finesse and a listener in one process, and a scene.

Knows the options; the scene is `listener.demo`.
"""

from typing import Annotated

import typer

from listener.cli import exits
from listener.cli.explain import Deployment
from listener.cli.loading import like_interrupt, loading
from listener.cli.simulate import tagging_named

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener demo",
        "listener demo --profile UCCX --tagging none",
        "listener demo --seed 7 --stay",
    ),
)


def demo(
    *,
    profile: Annotated[Deployment, typer.Option(help="Which Finesse is played.")] = Deployment.UCCE,
    tagging: Annotated[
        str | None,
        typer.Option(help="Which events carry the requestId; errors-empty and none if left out."),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep the simulator running until Ctrl-C.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scene.")] = 1,
) -> None:
    """Play a scene against a simulated Finesse: calls, refusals, a lost link."""
    with loading():
        from listener.demo import main  # noqa: PLC0415  the whole program loads with it

    if tagging is not None:
        tagging = tagging_named(tagging)
    with like_interrupt():  # the scene has temporary folders with passwords
        code = main(profile=profile.value, tagging=tagging, stay=stay, seed=seed)
    raise typer.Exit(code or 0)
