"""Which words of Finesse's errors may be shown to who may not see numbers and call data.

Finesse repeats in its errors what a request held: numbers, names, values. Where nobody can say any
more what these were, only words that are known are shown: of the catalogue, of requests, plain
English ones, and short codes. Pure; knows no story.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from listener.finesse.actions import ACTIONS
from listener.finesse.catalogue import entries
from listener.finesse.catalogue.entries import by_constant, by_number, by_type, number
from listener.redaction import HIDDEN

_TOKENS = re.compile(r"(?P<mask>\*{3}\w{0,2}(?:/[0-9]+)?)|(?P<kept>[\ue000-\ue0ff])|(?P<word>\w+)")
_APART = re.compile(r"(?<![0-9A-Za-z])\+?\(?[0-9](?:[ ()./-]{0,2}[0-9]){3,}(?![0-9A-Za-z])")
_MANY = re.compile(r"\*{3}(?:[ ,.'@/-]{1,2}\*{3}(?!\w))+")
_CONSTANT = re.compile(r"(?:CF|PERERR)(?:_[A-Z0-9]{1,40}){1,12}")
_CODE_BEFORE = re.compile(r"(?:code|status|error)[ :=#]*$", re.IGNORECASE)
_ID_BEFORE = re.compile(r"dialog(?:[ _]?id)?[ :=#/]*$", re.IGNORECASE)
_SHORT = 3  # digits of what is no PIN
_LONGEST_CODE = 5
_LONGEST_DIALOG = 9
_LEAST = 4  # characters of an id that is looked for
_ASIDE = 0xE000
_MOST_ASIDE = 0x100
_PLAIN = (
    "a an and are as at be been but by call called calls can cannot could did do does error "
    "errors failed failure finesse for from has have in internal invalid is it its message no "
    "not of on or out refused reject rejected reason request response server state details "
    "system than that the this timed timeout to unable unknown user was were when while will "
    "with wrong HTTP HTTPS reach reached with without agent dialog device extension id "
    "parameter participant party value field found supported allowed available busy already "
    "active held ready only missing must required empty exception null none true false"
)
_NAMES = (
    "requestedAction targetMediaAddress toAddress fromAddress mediaAddress dialogId dtmfString "
    "callVariable callvariables mediaProperties wrapUpReason reasonCodeId extension state "
    "requestId apiErrors apiError errorType errorMessage errorData DTMF CTI TCP TLS UCCE UCCX "
    "Dialog User Agent Call Finesse API URI ACTIVE HELD ALERTING INITIATED INITIATING DROPPED "
    "FAILED WRAP_UP ACCEPTED TALKING RESERVED HOLD WORK_READY"
)
_VARIABLE = re.compile(r"callVariable(?:[1-9]|10)")


def known_type(text: str) -> bool:
    """Say whether that is an error type or a constant that the catalogue has."""
    bare = text.strip()
    return bare.lower() in by_type() or bare.upper() in by_constant()


@lru_cache(4096)
def only_known(text: str, plain: frozenset[str] = frozenset()) -> str:
    """Return a text with *** for every word and number that is not known; masks stay.

    `plain`: ids that are no secret. A number of up to 3 digits is shown, of up to 5 where it is all
    that was said or is named as a code, of up to 9 where it is named as a dialog.
    """
    if known_type(text) or _is_code(text.strip()):
        return text
    kept: list[str] = []

    def aside(found: re.Match[str]) -> str:
        if len(kept) == _MOST_ASIDE:
            return HIDDEN
        kept.append(found[0])
        return chr(_ASIDE + len(kept) - 1)

    said = re.sub("[\ue000-\ue0ff]", "?", text)
    for each in sorted((p for p in plain if len(p) >= _LEAST and p in said), key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", aside, said)
    said = _APART.sub(_number, said)
    begins = re.match(r"\W*(\w+)", said)
    first = begins.start(1) if begins else -1

    def shown(found: re.Match[str]) -> str:
        if found["mask"]:
            return found[0]
        if found["kept"]:
            return kept[ord(found[0]) - _ASIDE]
        word, before = found[0], said[: found.start()]
        if word.isdigit():
            fits = len(word) <= _SHORT or _named(word, before)
            return word if fits else HIDDEN
        return word if _known(word, first=found.start() == first) else HIDDEN

    return _MANY.sub(HIDDEN, _TOKENS.sub(shown, said))


def _is_code(text: str) -> bool:
    bare = text.removeprefix("-")
    return bare.isdecimal() and bare.isascii() and len(bare) <= _LONGEST_CODE


def _number(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    return found[0] if found[0].isdigit() and _named(found[0], before) else HIDDEN


def _named(digits: str, before: str) -> bool:
    """Say whether a number is named as a code that is known, or as a dialog."""
    if len(digits) <= _LONGEST_CODE and number(digits) in by_number():
        return _CODE_BEFORE.search(before) is not None
    return len(digits) <= _LONGEST_DIALOG and _ID_BEFORE.search(before) is not None


def _known(word: str, *, first: bool) -> bool:
    words = _words()
    return (
        word in words
        or (first and word.lower() in words)
        or _CONSTANT.fullmatch(word) is not None
        or _VARIABLE.fullmatch(word) is not None
    )


@cache
def _words() -> frozenset[str]:
    """Return the words of the catalogue and of requests, as they are written there."""
    texts = [f"{each.constant or ''} {each.meaning}" for each in entries()]
    found = {word for text in texts for word in re.findall(r"\w+", text) if not word.isdigit()}
    return frozenset(found | {*_PLAIN.split(), *_NAMES.split(), *ACTIONS})
