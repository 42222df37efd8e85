"""Plays a story in a world: sees which call a step means, and does it when it is due.

Knows what there is (the simulator's calls) and nothing of what the program believes. What a step
asks for and is not there is left out. Another world gets the same steps at the same times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from listener.finesse import actions as do
from listener.finesse import uris
from listener.simulator.calls import Kind
from tests.oracle.clock import run
from tests.oracle.wires import SENDER, Fortune, Sender
from tests.oracle.world import CUSTOMER, OUTSIDE, Hands, Wish, World

if TYPE_CHECKING:
    from listener.finesse.actions.request import Request
    from listener.simulator.calls import Call, Party
    from tests.oracle.account import Account
    from tests.oracle.clock import VirtualLoop
    from tests.oracle.story import Step, Story

PATIENCE = 75.0
"""Seconds after the last step in which every request has its outcome."""

_PLAIN: dict[str, type[do.DialogRequest]] = {
    "HOLD": do.Hold,
    "RETRIEVE": do.Retrieve,
    "ANSWER": do.Answer,
    "DROP": do.Drop,
    "TRANSFER": do.Transfer,
    "CONFERENCE": do.Conference,
    "START_RECORDING": do.StartRecording,
    "CANCEL_SCHEDULED_CALLBACK": do.CancelScheduledCallback,
    "TASK_ACCEPT": do.TaskAccept,
    "TASK_START": do.TaskStart,
    "TASK_PAUSE": do.TaskPause,
    "TASK_RESUME": do.TaskResume,
    "TASK_WRAP_UP": do.TaskWrapUp,
    "TASK_CLOSE": do.TaskClose,
}
WATCHING = ("SILENT_MONITOR", "BARGE_CALL")
RARE = (
    *("PARTICIPANT_DROP", "RECLASSIFY", "UPDATE_SCHEDULED_CALLBACK", "CANCEL_SCHEDULED_CALLBACK"),
    *("ACCEPT", "CLOSE", "REJECT", "TRANSFER", "CONFERENCE", "TASK_START", "TASK_PAUSE"),
    *("TASK_RESUME", "TASK_WRAP_UP", "TASK_TRANSFER", "TASK_CLOSE", *WATCHING),
)
STATES = ("READY", "NOT_READY", "WORK", "LOGOUT", "LOGIN")
JOINED_BY_HAND = ("CONSULT_CALL", "TRANSFER", "CONFERENCE")
_DIGITS = ("1", "1234#", "1A", "99")
_CLASSES = ("VOICE", "BUSY", "FAX")


def data_of(value: str, n: float) -> dict[str, Any]:
    """Return call data to ask for: one value, several, too long a one, or an unknown one."""
    kind = int(n * 1000) % 7
    return [
        {"call_variables": {"callVariable1": value}},
        {"call_variables": {"callVariable1": value, "callVariable2": "both"}},
        {"call_variables": {"user.customer": value + "0123456789" * 4}},
        {"call_variables": {"callVariable3": value, "user.unknown": "no"}},
        {"wrap_up_reason": value or "Sold"},
        {"call_variables": {"callVariable1": value * 30}},
        {"call_variables": {"callVariable2": value, "user.note": "new " + value}},
    ][kind]


class Player:
    """Plays one story in one world."""

    def __init__(self, world: Hands, story: Story) -> None:
        self._world = world
        self._story = story
        self._agents = list(world.finesse.agents)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last: dict[str, Request] = {}
        self._last_id: dict[str, str] = {}
        self._counted = 0
        self.left_out = 0

    async def play(self) -> None:
        """Do every step at its time, then wait until all is over."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number, step in enumerate(self._story.steps):
            await asyncio.sleep(max(0.0, begin + step.at - loop.time()))
            self._do(number, step)
        until = loop.time() + PATIENCE
        while loop.time() < until and any(self._world.open()):  # noqa: ASYNC110  in virtual time
            await asyncio.sleep(1.0)
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _do(self, number: int, step: Step) -> None:
        world, args = self._world, step.args
        agent = self._agents[step.who % len(self._agents)]
        match step.do:
            case "ask":
                self._ask(number, agent, args)
            case "incoming" | "far" | "unanswered" | "phone" | "desktop" | "preview" | "task":
                task = asyncio.get_running_loop().create_task(
                    getattr(self, f"_{step.do}")(agent, args)
                )
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case "outage" | "restart" | "rest":
                getattr(world, step.do)(**args)
            case _:
                getattr(world, step.do)(agent, **args)

    # -- asked ------------------------------------------------------------------------------------

    def _ask(self, number: int, agent: str, args: Any) -> None:
        request = self._request(agent, args)
        if request is None:
            self.left_out += 1
            return
        self._last[agent] = request
        wish = Wish(
            mode=args.get("mode", "submit"),
            request_id=self._request_id(agent, args.get("id", "own"), number),
            deadline=args.get("deadline"),
            minimum=args.get("minimum"),
            report=args.get("report", "yes"),
            abandon=args.get("abandon"),
            early=args.get("early"),
        )
        asked = self._world.ask(number, request, wish, Fortune.of(args))
        if asked is not None:
            self._last_id[agent] = asked.request_id

    def _request_id(self, agent: str, how: str, number: int) -> str:
        if how == "count":  # every caller counts for itself: agents' ids are the same
            self._counted += 1
            return str(1 + self._counted // 2)
        if how == "repeat" and agent in self._last_id:
            return self._last_id[agent]
        return f"r{self._story.seed}-{number}"

    def _request(self, agent: str, args: Any) -> Request | None:
        if args.get("same") and agent in self._last and args["n"] < 0.5:
            return replace(self._last[agent])
        wishes: Sequence[str] = args["wish"]
        if args.get("fits", True):
            fitting = self._fitting(agent)
            for wish in (*self._rare(fitting, args), *wishes, *sorted(fitting)):
                made = self._fits(agent, wish, fitting, args)
                if made is not None:
                    return made
        calls = self._calls(agent)
        return self._any(agent, wishes[0], calls, args) if calls else None

    @staticmethod
    def _rare(fitting: dict[str, list[Call]], args: Any) -> list[str]:
        """Return what can seldom be asked for, every second time that it can."""
        n = int(args["n"] * 10_000)
        there = [name for name in RARE if name in fitting or name in WATCHING]
        return there[n % len(there) :] + there[: n % len(there)] if n % 2 else []

    def _calls(self, agent: str) -> list[tuple[Call, Party]]:
        switch = self._world.finesse.switch
        return [
            (call, party)
            for call in switch.calls_of(agent)
            if (party := call.of(agent)) is not None
        ]

    def _fitting(self, agent: str) -> dict[str, list[Call]]:
        switch = self._world.finesse.switch
        found: dict[str, list[Call]] = {}
        for call, party in self._calls(agent):
            for action in switch.actions(call, party):
                name = f"TASK_{action}" if call.kind is Kind.TASK else action
                found.setdefault(name, []).append(call)
        return found

    def _fits(
        self, agent: str, wish: str, fitting: dict[str, list[Call]], args: Any
    ) -> Request | None:
        if wish == "MAKE_CALL":
            busy = self._world.finesse.switch.active_call(agent) is not None
            return None if busy else self._call(agent, args)
        if wish in {"SILENT_MONITOR", "BARGE_CALL"}:
            return self._watch(agent, wish, args)
        if wish in {"READY", "NOT_READY", "WORK", "SIGN_IN", "SIGN_OUT"}:
            return self._user(agent, wish, args)
        calls = fitting.get(wish)
        if not calls:
            return None
        return self._on(agent, wish, calls[int(args["n"] * 997) % len(calls)], args)

    def _any(
        self, agent: str, wish: str, calls: list[tuple[Call, Party]], args: Any
    ) -> Request | None:
        call = calls[int(args["n"] * 997) % len(calls)][0]
        if wish == "MAKE_CALL":
            return self._call(agent, args)
        if (call.kind is Kind.TASK) is not wish.startswith("TASK_"):
            return None
        if wish in {"SILENT_MONITOR", "BARGE_CALL"}:
            return self._watch(agent, wish, args)
        if wish in {"READY", "NOT_READY", "WORK", "SIGN_IN", "SIGN_OUT"}:
            return self._user(agent, wish, args)
        return self._on(agent, wish, call, args)

    def _number(self, agent: str, args: Any) -> str:
        if "to" in args:
            return str(args["to"])
        n = int(args["n"] * 1000)
        own = self._world.finesse.agents[agent].spec.extension
        others = [a.spec.extension for a in self._world.finesse.agents.values()]
        inside = [ext for ext in others if ext != own]
        if n % 2 and inside:
            return inside[n % len(inside)]
        outside = list(OUTSIDE)
        return outside[0] if n % 3 else outside[n % len(outside)]

    def _call(self, agent: str, args: Any) -> Request:
        return do.MakeCall(agent=agent, to_address=self._number(agent, args))

    def _watch(self, agent: str, wish: str, args: Any) -> Request | None:
        finesse = self._world.finesse
        if not finesse.agents[agent].spec.supervisor:
            return None
        if (
            args.get("fits", True)
            and wish == "SILENT_MONITOR"
            and (finesse.agents[agent].state != "NOT_READY")
        ):
            return None
        monitors = [call for call, _ in self._calls(agent) if call.kind is Kind.MONITOR]
        if wish == "BARGE_CALL":
            if not monitors:
                return None
            call = monitors[-1]
            if call.state != "ACTIVE" and args.get("fits", True):
                return None
            return do.BargeCall(
                agent=agent,
                to_address=call.to_address,
                associated_dialog_uri=uris.dialog_path(call.id),
            )
        busy = [
            a.spec.extension
            for a in finesse.agents.values()
            if a.id != agent and (call := finesse.switch.active_call(a.id)) is not None
            if not any(call is mine for mine, _ in self._calls(agent))  # nobody spies on himself
        ]
        if not busy:
            return None
        return do.SilentMonitor(agent=agent, to_address=busy[int(args["n"] * 997) % len(busy)])

    def _user(self, agent: str, wish: str, args: Any) -> Request | None:
        state = self._world.finesse.agents[agent]
        n = int(args["n"] * 1000)
        reason = (None, "50", "51")[n % 3]
        if wish == "SIGN_IN":
            ext = state.spec.extension
            return do.SignIn(agent=agent, extension=ext) if state.extension is None else None
        if wish == "SIGN_OUT":
            return do.SignOut(agent=agent) if n % 4 == 0 else None
        if wish == "NOT_READY":
            return do.NotReady(agent=agent, reason_code_id=reason)
        return {"READY": do.Ready, "WORK": do.Work}[wish](agent=agent)

    def _on(self, agent: str, wish: str, call: Call, args: Any) -> Request | None:
        place = {"agent": agent, "dialog_id": call.id}
        if wish in _PLAIN:
            return _PLAIN[wish](**place)
        if wish in {"ACCEPT", "CLOSE", "REJECT"}:
            direct = "Direct" if call.callback_number is not None else ""
            return getattr(do, f"{direct}Preview{wish.title()}")(**place)
        make = getattr(self, f"_{wish.lower()}", None)
        return make(agent, call, args, place) if make is not None else None

    def _consult_call(self, agent: str, _call: Call, args: Any, place: Any) -> Request:
        return do.ConsultCall(to_address=self._number(agent, args), **place)

    def _transfer_sst(self, agent: str, _call: Call, args: Any, place: Any) -> Request:
        return do.TransferSst(to_address=self._number(agent, args), **place)

    @staticmethod
    def _send_dtmf(_agent: str, _call: Call, args: Any, place: Any) -> Request:
        return do.SendDtmf(dtmf_string=_DIGITS[int(args["n"] * 1000) % len(_DIGITS)], **place)

    @staticmethod
    def _update_call_data(_agent: str, _call: Call, args: Any, place: Any) -> Request:
        return do.UpdateCallData(**data_of(args.get("value", "x"), args["n"]), **place)

    @staticmethod
    def _participant_drop(agent: str, call: Call, args: Any, place: Any) -> Request | None:
        others = [p.address for p in call.parties if p.agent not in {None, agent}]
        if not others:
            return None
        target = others[int(args["n"] * 1000) % len(others)]
        return do.ParticipantDrop(target_media_address=target, **place)

    @staticmethod
    def _reclassify(_agent: str, _call: Call, args: Any, place: Any) -> Request:
        return do.Reclassify(outbound_classification=_CLASSES[int(args["n"] * 1000) % 3], **place)

    @staticmethod
    def _update_scheduled_callback(_agent: str, _call: Call, args: Any, place: Any) -> Request:
        when = f"2030-01-02T03:0{int(args['n'] * 1000) % 3}"
        return do.UpdateScheduledCallback(callback_time=when, **place)

    @staticmethod
    def _task_transfer(_agent: str, _call: Call, _args: Any, place: Any) -> Request:
        return do.TaskTransfer(target="5000", **place)

    # -- what others do ---------------------------------------------------------------------------

    async def _incoming(self, agent: str, args: Any) -> None:
        finesse = self._world.finesse
        if finesse.agents[agent].extension is None or len(self._calls(agent)) > 2:
            return
        with suppress(ValueError):  # the agent signed out in the meantime
            await finesse.incoming_call(agent, f"{CUSTOMER}{int(args['n'] * 9)}")

    async def _far(self, agent: str, args: Any) -> None:
        calls = [call for call, _ in self._calls(agent) if call.kind is Kind.VOICE]
        if calls:
            call = calls[int(args["n"] * 997) % len(calls)]
            await self._world.finesse.far_end_hangs_up(call.id)

    async def _unanswered(self, agent: str, _args: Any) -> None:
        for call, party in self._calls(agent):
            if call.kind is Kind.VOICE and party.state == "ALERTING":
                await self._world.finesse.is_not_answered(call.id, agent)
                return

    def _pressed(self, agent: str, args: Any) -> Call | None:
        preview = args["button"] in {"ACCEPT", "CLOSE"}
        kind = Kind.PREVIEW if preview else Kind.VOICE
        calls = [call for call, _ in self._calls(agent) if call.kind is kind]
        last = self._last.get(agent)
        if args.get("same") and last is not None and last.dialog_id is not None:
            calls = [call for call in calls if call.id == last.dialog_id] or calls
        return calls[int(args["n"] * 997) % len(calls)] if calls else None

    async def _phone(self, agent: str, args: Any) -> None:
        call = self._pressed(agent, args)
        button = args["button"]
        last = self._last.get(agent)
        if args.get("same") and last is not None:
            button = last.requested_action
        press = {
            "HOLD": self._world.telephone.hold,
            "RETRIEVE": self._world.telephone.retrieve,
            "DROP": self._world.telephone.hang_up,
            "ANSWER": self._world.telephone.answer,
        }.get(button)
        if press is not None and call is not None:
            await press(agent, call.id)
        elif button in JOINED_BY_HAND:
            await self._joined_by_hand(agent, button, args)
        elif button == "DIAL":
            await self._world.telephone.dial(
                agent, self._number(agent, args), thinks=args["thinks"]
            )
        elif button == "MAKE_CALL" and ("to" in args or isinstance(last, do.MakeCall)):
            to = args["to"] if "to" in args else getattr(last, "to_address", "")
            await self._world.telephone.dial(agent, to)

    async def _joined_by_hand(self, agent: str, button: str, args: Any) -> None:
        """Consult, or join two calls, on the telephone; on any call where it can be done."""
        fitting = self._fitting(agent).get(button, ())
        calls = [call for call in fitting if call.kind is Kind.VOICE]
        if not calls:
            return
        call = calls[int(args["n"] * 997) % len(calls)]
        if button == "CONSULT_CALL":
            await self._world.telephone.consult(agent, call.id, self._number(agent, args))
        else:
            stays = button == "CONFERENCE"
            await self._world.telephone.join(agent, call.id, stays=stays)

    async def _desktop(self, agent: str, args: Any) -> None:
        SENDER.set(Sender(None, Fortune.of(args)))
        call, button = self._pressed(agent, args), args["button"]
        last = self._last.get(agent)
        if args.get("same") and last is not None:
            button = last.requested_action
        own = f"d{args['n']}"
        id_ = {"none": None, "elsewhere": self._anothers_id(agent) or own}.get(args["id"], own)
        desktop = self._world.desktop
        if button == "MAKE_CALL":
            await desktop.call(agent, self._number(agent, args), request_id=id_)
        elif isinstance(last, do.UserRequest) and args.get("same"):
            await desktop.become(agent, button, request_id=id_)
        elif button in STATES:
            await desktop.become(agent, button, reason=args.get("reason"), request_id=id_)
        elif call is not None and button not in WATCHING:
            data = args.get("variables", {"callVariable1": args["value"]})
            variables = data if button == "UPDATE_CALL_DATA" else None
            to = self._number(agent, args) if button in {"CONSULT_CALL", "TRANSFER_SST"} else None
            params = {"dtmfString": "1"} if button == "SEND_DTMF" else None
            await desktop.press(
                agent, button, call.id, to=to, variables=variables, params=params, request_id=id_
            )

    def _anothers_id(self, agent: str) -> str | None:
        """Return an id that a colleague's caller uses, who shares no call with this agent.

        Nor is that request about one of this agent's calls: on those its id is its own (3).
        """
        mine = {id_ for call, _ in self._calls(agent) for id_ in (call.id, call.secondary)}
        return next(
            (
                id_
                for other, id_ in reversed(self._last_id.items())
                if other != agent
                and not id_.isdecimal()  # which this agent's caller may count to as well
                and self._last[other].dialog_id not in mine - {None}
                and not mine & {call.id for call, _ in self._calls(other)}
            ),
            None,
        )

    async def _preview(self, agent: str, args: Any) -> None:
        finesse = self._world.finesse
        voice = [call for call, _ in self._calls(agent) if call.kind is not Kind.TASK]
        if finesse.agents[agent].extension is not None and not voice:
            with suppress(ValueError):  # the agent signed out in the meantime
                await finesse.preview(agent, CUSTOMER, direct=args["direct"])

    async def _task(self, agent: str, _args: Any) -> None:
        await self._world.finesse.task(agent)


def play(story: Story) -> Account:
    """Play a story in virtual time and return what came of it."""

    async def main(loop: VirtualLoop) -> Account:
        async with World(loop, story.seed, story.traits) as world:
            player = Player(world, story)
            await player.play()
        return world.account

    return run(main)
