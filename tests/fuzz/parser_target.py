"""The payload's reader and all that comes after it: events, correlator, JSON, journal's codec."""

from __future__ import annotations

import itertools
import json
import re
from contextlib import suppress

from listener.errors import InvalidRequest, MalformedUpdate, NotAccepted
from listener.finesse.actions import Hold
from listener.finesse.events import Event, events_of
from listener.finesse.model import Notification, Update
from listener.finesse.parsed import to_json, update_json
from listener.finesse.wire import parse_body, parse_update, read_document
from listener.finesse.wire.limits import load
from listener.journal.codec import decode, encode
from listener.offers import Told
from listener.telling import event_json
from listener.terms import Wishes
from tests.builders import AGENT, CALL, NODE
from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Case, Target, hold
from tests.shell.api_rig import Rig

OURS = "fuzz-1"
"""The requestId of a request that is open while payloads come."""
GOOD = (
    "<Update><event>PUT</event><source>/finesse/api/Dialog/5</source><requestId/><data><dialog>"
    "<id>5</id><mediaType>Voice</mediaType><fromAddress>{}</fromAddress></dialog></data></Update>"
)
_BEFORE = (
    *("\ufeff", "\ufeff", "\n", "<?xml version='1.0'?>", "<!-- c -->", "<?p i?>", "<!-->"),
    *("<!DOCTYPE Update [<!ENTITY a 'b'>]>", "<!DOCTYPE Update SYSTEM 'file:///x'>"),
)
_REQUEST_ID = re.compile(r"<requestId>[^<]*</requestId>|<requestId/>")


class ParserTarget(Target):
    """A case is one payload, as bytes."""

    name = "parser"
    tokens = tuple(token.encode("utf-8", "surrogatepass") for token in (
        *("<Update>", "</Update>", "<data>", "</data>", "<dialog>", "</dialog>", "<dialogs>"),
        *("<Dialog>", "<id>100</id>", "<callvariables>", "</callvariables>", "<CallVariable>"),
        *("<name>", "</name><value>", "</value></CallVariable>", "<participants>", "<Participant>"),
        *("<mediaAddress>1001</mediaAddress>", "<state>HELD</state>", "<user>", "</user>"),
        *("<apiErrors>", "</apiErrors>", "<apiError/>", "<errorType>", "<systemInfo>", "<status>"),
        *("<event>PUT</event>", "<source>/finesse/api/Dialog/100</source>", "<a:b>", "xmlns='u'"),
        *(f"<requestId>{OURS}</requestId>", "<!--", "-->", "<![CDATA[", "]]>", "<?x ?>", "<?xml"),
        *("<!DOCTYPE Update [<!ENTITY a 'b'>]>", "<!DOCTYPE", "&lt;", "&amp;lt;", "&#0;", "&x;"),
        *("&#xD800;", "&#x110000;", "&#60;", "\ufeff", "\0", "\ud800", "\u2028", "<", ">", "é"),
        *("<?xml version='1.0' encoding='utf-7'?>", "<?xml version='1.0' encoding='utf-16'?>"),
    ))  # fmt: skip

    async def start(self) -> None:
        """Run a service with a live session of one agent."""
        self._rig = Rig()
        self._rig.up()
        self._rig.service.witness = self._witness
        self._numbers = itertools.count(1)
        self._events: list[Event] = []

    async def stop(self) -> None:
        """End it."""
        await self._rig.service.close()
        self._rig.chronicle.close()

    def mutated(self, mutator: Mutator) -> Case:
        """Change a payload as a tree or as bytes; now and then it names a request of ours."""
        chance = mutator.chance
        payload = chance.choice(corpus.payloads())
        if chance.random() < 0.3:
            payload = _REQUEST_ID.sub(f"<requestId>{OURS}</requestId>", payload)
        if chance.random() < 0.1:
            payload = "".join(chance.choices(_BEFORE, k=chance.randrange(1, 6))) + payload
        other = chance.choice((*corpus.samples(), *corpus.answers()))
        if chance.random() < 0.5:
            payload = mutator.xml(payload)
            if chance.random() < 0.7:
                return (payload.encode("utf-8", "surrogatepass"),)
        return (mutator.octets(payload.encode("utf-8", "surrogatepass"), other),)

    def made(self, pieces: list[bytes]) -> Case:
        """Take the pieces as one payload."""
        return (b"".join(pieces),)

    async def check(self, case: Case) -> None:
        """Read it in every way, hear it, and hear a good one after it."""
        for document in (case[0], case[0].decode("utf-8", "replace")):
            for read in (parse_update, parse_body):
                self._read(read, document)
        self._shown(case[0])
        self._hear(case[0].decode("utf-8", "surrogateescape"))

    def _read(self, read, document) -> None:
        try:
            update = read(document)
        except MalformedUpdate as refused:
            hold(len(str(refused)) < 1000, "a refusal is one sentence")
            return
        hold(isinstance(update, Update), "an update is an Update")
        hold(decode(Update, json.loads(json.dumps(encode(update)))) == update, "it can be kept")
        if isinstance(document, str) and not update.notes:
            hold(not load(document).getroottree().docinfo.doctype, "no document type is let in")
        json.dumps(update_json(update), ensure_ascii=False).encode()
        for event in events_of(update, NODE, "i1"):
            hold(isinstance(event, Event), "an event is an Event")

    def _shown(self, document: bytes) -> None:
        read_document(document)
        shown = to_json("-", document)
        hold(shown["ok"] is (shown["problem"] is None), "a problem is told when there is one")
        json.dumps(shown, ensure_ascii=False).encode()

    def _hear(self, payload: str) -> None:
        service = self._rig.service
        with suppress(NotAccepted, InvalidRequest):
            service.submit(Hold(agent=AGENT, dialog_id=CALL), Wishes(request_id=OURS))
        self._events.clear()
        service.hear(Notification(NODE, payload, f"i{next(self._numbers)}", "p", "a"))
        for event in self._events:
            data = event_json(service.discreet(event), None)
            frame = Told("e-1", "x", data).frame
            hold(frame.count(b"\n\n") == 1, "an event of the stream is one block")
            hold(json.loads(frame.split(b"data: ", 1)[1]) is not None, "and its data are JSON")
        self._good(f"+1202555{next(self._numbers)}")

    def _good(self, number: str) -> None:
        self._events.clear()
        before = self._rig.service.tally.events["dialog"]
        self._rig.service.hear(Notification(NODE, GOOD.format(number), number))
        hold(len(self._events) == 1, "a good event is heard after a bad one")
        hold(self._events[0].dialog.from_address == number, "and is the one that was sent")
        hold(self._rig.service.tally.events["dialog"] == before + 1, "and is judged")

    def _witness(self, event: Event) -> None:
        self._events.append(event)
