"""What of a line may be written: no DTMF digits, and numbers, names and call data only as masks.

Goes by the names of fields, which are Finesse's in payloads and the same in snake_case in values.
Knows which fields hold what; knows no file. A payload is written anew from its elements, so that
nothing of it is passed over: comments, attributes and text between elements are left out; where it
has none of these, in its text (`inplace`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from listener import digits
from listener.digits import hide_keys, without_digits
from listener.errors import InvalidRequest, MalformedUpdate
from listener.finesse.actions.request import Request
from listener.finesse.body import Element
from listener.finesse.catalogue.entries import by_number, number
from listener.finesse.events import RequestFailed
from listener.finesse.model import ApiError
from listener.finesse.sealed import NO_DIGIT, is_sealed
from listener.finesse.wire import read_element, render
from listener.finesse.wire.read import is_escaped, unescape
from listener.redaction import HIDDEN
from listener.transcript.inplace import InPlace
from listener.transcript.masks import Masks

NUMBERS = frozenset(
    {
        "fromaddress",
        "toaddress",
        "mediaaddress",
        "targetmediaaddress",
        "dialeddigits",
        "dialednumber",
        "dialnumber",
        "dnis",
        "ani",
        "callbacknumber",
        "extension",
        "phonenumber",
        "mobilenumber",
        "mobiledialnumber",
        "number",
        "own",
        "target",
    }
)
"""Names of fields with a telephone number, in small letters and without underscores."""
VALUES = frozenset(
    {
        "firstname",
        "lastname",
        "loginname",
        "wrapupreason",
        "wrapupitem",
        "wrapupitems",
        "callbacktime",
    }
)
"""Names of fields with a person's name or with what an agent wrote about a call."""
ERRORS = {
    "errortype": "error_type",
    "errormessage": "error_message",
    "errordata": "error_data",
    "errormedia": "error_media",
    "peripheralerrorcode": "peripheral_error_code",
    "peripheralerrormsg": "peripheral_error_msg",
    "peripheralerrortext": "peripheral_error_text",
}
TEXTS = frozenset({"detail", "cause", "reasonphrase"})
SECRETS = frozenset({"dtmfstring", "password", "token", "authorization"})
LEFT_OUT = frozenset({"tree"})  # everything once more, as it came

_ENDINGS = ("number", "address", "phone", "email", "ani")
"""How names of fields end that are not listed and may hold a person's data; in small letters."""
_CALLERS = frozenset({"callername", "callingname", "callerid", "customername", "contactname"})
_KNOWN = 4_096  # numbers and values that are looked for in errors
_KNOWN_FROM = 3  # characters of a number
_VALUE_FROM = 5  # characters of a value: shorter ones are words of every text

_VARIABLES = "callvariables"
_PLAIN = ("BAResponse", "BAStatus")  # what the dialer and the agent say of a call, not of a person


class Veil:
    """Lays masks over what is written. `masks` None: digits alone are hidden.

    `spoken` returns the requests whose digits may be repeated now; `met` is told of call data, as
    it is and as it is written.
    """

    def __init__(
        self,
        masks: Masks | None,
        spoken: Callable[[], Iterable[Request]],
        met: Callable[[str, str], None] = lambda _text, _masked: None,
    ) -> None:
        self._masks = masks
        self._spoken = spoken
        self._met = met
        self._known: OrderedDict[str, str] = OrderedDict()
        self._in_place = InPlace(_hides, self._leaf, self._of)

    def payload(self, text: str) -> str | None:
        """Return a notification's payload as it may be written; None when it cannot be read."""
        quick = self._in_place.masked(text)
        if quick is not None:
            return quick
        try:
            whole = read_element(unescape(text) if is_escaped(text) else text)
            return render(self._element(whole)).decode()
        except (MalformedUpdate, InvalidRequest):
            return None

    def value(self, value: Any) -> Any:
        """Return a JSON value as it may be written."""
        if isinstance(value, dict):
            return self._object(value)
        return [self.value(each) for each in value] if isinstance(value, list) else value

    def text(self, text: str, name: str = "error_message") -> str:
        """Return a text about a request or a link; `name` is that of an error's member."""
        for request in self._spoken():
            text = _without(text, name, request)
        return self._said(without_digits(text))

    # -- payloads -----------------------------------------------------------------------------

    def _element(self, element: Element, *, dtmf: bool = False) -> Element:
        content, name = element.content, _plain(element.tag)
        if isinstance(content, str):
            return Element(element.tag, self._leaf(name, content, dtmf=dtmf))
        if name == "callvariable":
            return Element(element.tag, tuple(self._variable(element)))
        if name == _VARIABLES:
            return Element(element.tag, tuple(self._in_variables(each) for each in content))
        if name == "apierror":
            dtmf = any("dtmf" in str(each.content).lower() for each in content if _is_text(each))
        return Element(element.tag, tuple(self._element(each, dtmf=dtmf) for each in content))

    def _variable(self, element: Element) -> Iterable[Element]:
        named = _child(element, "name") or ""
        for each in element.content if not isinstance(element.content, str) else ():
            yield each if _plain(each.tag) == "name" else self._all_of(each, named)

    def _in_variables(self, element: Element) -> Element:
        """Mask one child of the call variables: one of them, or one that is named by its tag."""
        if _plain(element.tag) == "callvariable":
            return self._element(element)
        return self._all_of(element, element.tag.rpartition("}")[2])

    def _all_of(self, element: Element, variable: str) -> Element:
        """Mask each text in an element, whatever it is called."""
        if isinstance(element.content, str):
            return Element(element.tag, self._of(variable, element.content))
        return Element(element.tag, tuple(self._all_of(e, variable) for e in element.content))

    def _leaf(self, name: str, text: str, *, dtmf: bool = False) -> str:
        if name in SECRETS and text:
            return NO_DIGIT * len(text) if name == "dtmfstring" else HIDDEN
        if name in ERRORS:
            return self._error(ERRORS[name], text, dtmf=dtmf)
        if not text or is_sealed(text):
            return text
        if name in NUMBERS:
            masked = text if self._masks is None else self._masks.number(text)
        elif _hides(name):
            masked = text if self._masks is None else self._masks.value(text)
        else:
            return text
        self._meet(text, masked)
        return masked

    def _error(self, member: str, text: str, *, dtmf: bool) -> str:
        for request in self._spoken():
            text = _without(text, member, request)
        if dtmf and member != "error_type":
            text = hide_keys(text)
        code = number(text) is not None and text.strip() in by_number()
        return text if code else self._said(text)

    def _said(self, text: str) -> str:
        """Mask in a text for people what is a number, and what was masked elsewhere."""
        return text if self._masks is None else self._masks.text(text, self._known)

    def _meet(self, text: str, masked: str) -> None:
        """Remember what was masked, for it may come up in an error, too."""
        self._met(text, masked)
        least = _KNOWN_FROM if text.isdigit() else _VALUE_FROM
        if self._masks is None or masked == text or len(text) < least:
            return
        self._known[text] = masked
        self._known.move_to_end(text)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    def _of(self, variable: str, text: str) -> str:
        if not text or is_sealed(text):
            return text
        if self._masks is None:
            masked = text
        elif variable in _PLAIN:
            masked = self._masks.text(text)
        else:
            masked = self._masks.value(text)
        self._meet(text, masked)
        return masked

    # -- values -------------------------------------------------------------------------------

    def _object(self, given: dict[str, Any]) -> dict[str, Any]:
        dtmf = any("dtmf" in str(given[name]).lower() for name in given if name.startswith(_OF_ONE))
        return {
            name: self._member(_plain(name), value, dtmf=dtmf)
            for name, value in given.items()
            if name not in LEFT_OUT
        }

    def _member(self, name: str, value: Any, *, dtmf: bool) -> Any:
        if isinstance(value, str):
            if name in TEXTS:
                return self.text(value)
            return self._leaf(name, value, dtmf=dtmf)
        if name == _VARIABLES and isinstance(value, list):
            return [[key, self._of(key, text) if text else text] for key, text in value]
        if name in VALUES and isinstance(value, list):
            return [self._leaf(name, each, dtmf=False) for each in value]
        return self.value(value)


@lru_cache(4096)
def _hides(name: str) -> bool:
    """Say whether fields of that name, in small letters, hold what is not written as it is."""
    listed = name in NUMBERS or name in VALUES or name in SECRETS or name in _CALLERS
    return listed or name.endswith(_ENDINGS)


_OF_ONE = ("error_", "peripheral_error_")


@lru_cache(4096)
def _plain(name: str) -> str:
    """Return a name as it is compared; the names in payloads and values are few."""
    return name.rpartition("}")[2].replace("_", "").lower()


def _is_text(element: Element) -> bool:
    return isinstance(element.content, str)


def _child(element: Element, name: str) -> str | None:
    if isinstance(element.content, str):
        return None
    found = (e.content for e in element.content if _plain(e.tag) == name)
    return next((text for text in found if isinstance(text, str)), None)


def _without(text: str, member: str, request: Request) -> str:
    """Return one member of an error without the digits of a request."""
    name = member if member in ERRORS.values() else "error_message"
    event = RequestFailed(node="", errors=(ApiError(**{name: text}),))
    return str(getattr(digits.of_event(event, (request,)).errors[0], name))
