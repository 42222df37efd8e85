"""Elements into values: dialogs, participants, users, errors, trees.

Knows where Finesse puts what inside those elements; knows nothing of envelopes and stanzas. Takes
lxml elements whose tree has passed the limits, never raises, and ignores what it does not know.
Where a member stands twice, the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from types import MappingProxyType
from typing import Any, TypeAlias

from lxml import etree

from listener.finesse.model import (
    ApiError,
    Branch,
    CallVariable,
    Dialog,
    MediaProperties,
    Participant,
    ReasonCode,
    ScheduledCallbackInfo,
    SystemInfo,
    Tree,
    User,
    maker,
)
from listener.finesse.wire import tags
from listener.finesse.wire.tags import NONE, Slots

_DIALOG = Slots(tags.DIALOG + tags.DIALOG_PARTS)
_CALLBACK = Slots(tags.CALLBACK)
_MEDIA = Slots(tags.MEDIA_PROPERTIES + tags.MEDIA_PARTS)
_PARTICIPANTS = Slots(["participant"])
_PARTICIPANT = Slots(tags.PARTICIPANT + tags.PARTICIPANT_PARTS)
_ACTIONS = Slots(["action"])
_WRAP_UP_ITEMS = Slots(["wrapUpItem"])
_VARIABLES = Slots(["callVariable"])
_VARIABLE = Slots(tags.CALL_VARIABLE)
_USER = Slots(tags.USER + tags.USER_PARTS)
_REASON_CODE = Slots(tags.REASON_CODE)
_ROLES = Slots(["role"])
_ERRORS = Slots(["apiError"])
_ERROR = Slots(tags.API_ERROR)
_SYSTEM_INFO = Slots(tags.SYSTEM_INFO + tags.SYSTEM_INFO_PARTS)
_NODE = Slots(["host"])

Variables: TypeAlias = tuple[CallVariable, ...]
_FIRST, _LAST = "<CallVariable><name>", "</value></CallVariable>"  # of plain variables
_BETWEEN, _WITHIN = _LAST + _FIRST, "</name><value>"
_CUT = "\0"  # no XML can hold it

_new_dialog, _new_media, _new_participant = (
    maker(Dialog),
    maker(MediaProperties),
    maker(Participant),
)

Values = list[Any]  # texts, then elements, by slot; see `members`


def own_text(element: etree._Element) -> str:
    """Return an element's own text: exact for a leaf; between children, white space is layout."""
    if not len(element):
        return element.text or ""
    pieces = [element.text or "", *(child.tail or "" for child in element)]
    text = "".join(pieces)
    return text if text.strip() else ""


def members(element: etree._Element, slots: Slots, texts: int, parts: int = 0) -> Values:
    """Sort the children by their slots: the text of the first `texts`, the element of the rest.

    The one place more than was asked for, the last, catches what is not known.
    """
    values: Values = [None] * (texts + parts + 1)
    # Backwards: so the first of a name is the one that stays. A slice is taken faster than walked.
    for child in element[::-1]:  # type: ignore[index]  # the stubs know no slices
        slot = slots[child.tag]
        if slot >= texts:
            values[slot] = child
        else:
            values[slot] = own_text(child) if len(child) else child.text or ""
    values.pop()
    return values


def _items(element: etree._Element | None, slots: Slots) -> tuple[str, ...]:
    if element is None:
        return ()
    return tuple(
        [
            own_text(child) if len(child) else child.text or ""
            for child in element[:]  # type: ignore[index]  # as above
            if not slots[child.tag]
        ]
    )


def dialog(element: etree._Element, variables: Variables | None = None) -> Dialog:
    """Read one `Dialog` or `dialog`; `variables` are its call variables when already read."""
    values = members(element, _DIALOG, 10, 3)
    callback, media, participants = values[10:]
    values[10] = (
        None if callback is None else ScheduledCallbackInfo(*members(callback, _CALLBACK, 2))
    )
    values[11] = MediaProperties() if media is None else _media_properties(media, variables)
    values[12] = () if participants is None else _all_participants(participants)
    return _new_dialog(*values)


def _media_properties(element: etree._Element, known: Variables | None) -> MediaProperties:
    values = members(element, _MEDIA, 11, 2)
    items, variables = values[11:]
    if variables is None:
        known = ()
    elif known is None or not variables.tag.endswith("callvariables"):
        known = _variables(variables)
    values[11] = _items(items, _WRAP_UP_ITEMS)
    values[12] = known
    return _new_media(*values)


def _variables(element: etree._Element) -> Variables:
    pairs = [members(each, _VARIABLE, 2) for each in element if not _VARIABLES[each.tag]]
    return tuple([CallVariable(name or "", value) for name, value in pairs])


def variables_in(text: str) -> Variables | None:
    """Read the call variables from the text of a well-formed payload, or say None: walk the tree.

    They are the larger part of most events, and this takes a fifth of the time of walking them.
    It answers only where the text cannot mean anything else: the word's first and last place are
    the tags around the block, the block has the tags of plain variables in their order and no
    other, and nothing in the rest can begin a comment, CDATA or an instruction.
    """
    start, end = text.find("<callvariables>"), text.rfind("</callvariables>")
    first, last = start + len("<callvariables>"), end - len(_LAST)
    if start < 0 or not (text.startswith(_FIRST, first) and text.startswith(_LAST, last)):
        return None
    block = text[first + len(_FIRST) : last].replace(_BETWEEN, _CUT).replace(_WITHIN, _CUT)
    if "<" in block or "&" in block or "\r" in block:
        return None
    before, behind = text[:start], text[end + len("</callvariables>") :]
    if _doubtful(before) or _doubtful(behind):
        return None
    found = block.split(_CUT)  # names and values in turns: being well-formed leaves no other order
    pairs = zip(found[::2], found[1::2], strict=True)
    return tuple(map(tuple.__new__, repeat(CallVariable), pairs))


def _doubtful(text: str) -> bool:
    """Say whether there may be a comment, CDATA, an instruction or further variables in it."""
    return "!" in text or "?" in text or "callvariables" in text


def _all_participants(element: etree._Element) -> tuple[Participant, ...]:
    found = []
    for each in element[:]:  # type: ignore[index]  # as above
        if _PARTICIPANTS[each.tag] == NONE:
            continue
        values = members(each, _PARTICIPANT, 6, 1)
        values[6] = _items(values[6], _ACTIONS)
        found.append(_new_participant(*values))
    return tuple(found)


def user(element: etree._Element) -> User:
    """Read one `User` or `user`; `tree` keeps everything in it."""
    *texts, reason, roles = members(element, _USER, len(tags.USER), 2)
    named = dict(zip(tags.USER, texts, strict=True))
    return User(
        login_id=named["loginId"],
        login_name=named["loginName"],
        first_name=named["firstName"],
        last_name=named["lastName"],
        extension=named["extension"],
        state=named["state"],
        pending_state=named["pendingState"],
        state_change_time=named["stateChangeTime"],
        reason_code_id=named["reasonCodeId"],
        reason_code=None if reason is None else ReasonCode(*members(reason, _REASON_CODE, 6)),
        roles=_items(roles, _ROLES),
        team_id=named["teamId"],
        team_name=named["teamName"],
        media_type=named["mediaType"],
        dialogs=named["dialogs"],
        uri=named["uri"],
        wrap_up_timer=named["wrapUpTimer"],
        tree=tree(element),
    )


def errors(elements: Iterable[etree._Element]) -> tuple[ApiError, ...]:
    """Read the errors of some `apiErrors` or bare `apiError` elements.

    Members that stand in `apiErrors` itself, as in the desktop's JSON, count as one error.
    """
    return tuple(error for each in elements for error in _errors(each))


def _errors(element: etree._Element) -> Iterable[ApiError]:
    inside = [child for child in element if not _ERRORS[child.tag]]
    if inside:
        return map(_error, inside)
    alone = not _ERRORS[element.tag] or any(_ERROR[child.tag] != NONE for child in element)
    return (_error(element),) if alone else ()


def _error(element: etree._Element) -> ApiError:
    return ApiError(*members(element, _ERROR, len(tags.API_ERROR)))


def system_info(element: etree._Element) -> SystemInfo:
    """Read one `SystemInfo`; a node's name is its own text or that of its `host`."""
    values = members(element, _SYSTEM_INFO, 5, 2)
    values[5], values[6] = _host(values[5]), _host(values[6])
    values.append(tree(element))
    return SystemInfo(*values)


def _host(element: etree._Element | None) -> str | None:
    if element is None:
        return None
    (host,) = members(element, _NODE, 1)
    return host or own_text(element)


def tree(element: etree._Element) -> Tree:
    """Keep every element inside this one, by Finesse's spelling; siblings of one name in a tuple.

    Text that stands between elements goes under "#text".
    """
    found: dict[str, list[Branch]] = {}
    for child in element:
        found.setdefault(tags.canonical(child.tag), []).append(branch(child))
    if text := own_text(element):
        found["#text"] = [text]
    return MappingProxyType(
        {name: each[0] if len(each) == 1 else tuple(each) for name, each in found.items()}
    )


def branch(element: etree._Element) -> Branch:
    """Return the text of a leaf, or the tree of anything else."""
    return tree(element) if len(element) else own_text(element)
