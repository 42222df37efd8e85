"""Values into XML: request bodies, REST bodies, and updates as Finesse writes them.

Knows spellings and order; knows nothing of HTTP and XMPP. lxml does the escaping and refuses what
XML cannot carry, which is told as `InvalidRequest`. What is written here reads back as the same
value: `read.parse_update(render_update(update)) == update`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from lxml import etree

from listener.errors import InvalidRequest
from listener.finesse.body import Element
from listener.finesse.model import (
    ApiError,
    Branch,
    Dialog,
    Kind,
    MediaProperties,
    Participant,
    SystemInfo,
    Tree,
    Update,
    User,
)
from listener.finesse.wire import tags
from listener.finesse.wire.limits import load

Elements: TypeAlias = tuple[Element, ...]


def render(element: Element) -> bytes:
    """Return the XML of an element in UTF-8, without an XML declaration.

    Raises InvalidRequest, its `field` the tag at fault, for a tag that is no XML name and for text
    with characters that XML cannot carry (control characters, halves of surrogate pairs).
    """
    return etree.tostring(_built(element), encoding="utf-8", xml_declaration=False)


def _built(element: Element) -> etree._Element:
    try:
        built = etree.Element(element.tag)
        if isinstance(element.content, str):
            built.text = element.content
    except ValueError:  # lxml: not a name, not a character; UnicodeEncodeError is one too
        tag = element.tag.encode("ascii", "backslashreplace").decode()
        raise InvalidRequest(
            f"{tag!r} cannot be written: its name or a character in it is not allowed in XML",
            field=tag,
        ) from None
    if isinstance(element.content, str):
        return built
    built.text = ""  # as Finesse: an open and a close tag even around nothing
    built.extend([_built(child) for child in element.content])
    return built


def read_element(body: str | bytes) -> Element:
    """Read a request body back into a value, under the limits of payloads; raise MalformedUpdate.

    Tags are local names as sent. White space between elements is dropped.
    """
    return _element(load(body))


def _element(element: etree._Element) -> Element:
    content = tuple(map(_element, element)) if len(element) else element.text or ""
    return Element(tags.local(element.tag), content)


def render_update(update: Update) -> str:
    """Return the XML of an update: `data`, `event`, `requestId`, `source`, as Finesse orders them.

    `dialogs/Dialog` for kind dialogs, `dialog` for kind dialog. Raises InvalidRequest for text that
    XML cannot carry.
    """
    envelope = (
        *_texts(("event",), (update.event,)),
        Element("requestId", update.request_id or ""),
        *_texts(("source",), (update.source,)),
    )
    return render(
        Element("Update", (Element("data", _DATA[update.kind](update)), *envelope))
    ).decode()


def render_body(update: Update) -> bytes:
    """Return the XML of a REST body: `Dialogs`, `Dialog`, `User`, `ApiErrors`, `SystemInfo`, ...

    The kinds that REST writes otherwise than notifications get their capitals. Raises
    InvalidRequest for text that XML cannot carry, and for an update that is no single body.
    """
    if update.kind is Kind.ERRORS:
        errors = tuple(_upper(error_element(error)) for error in update.errors)
        return render(Element("ApiErrors", errors))
    if update.kind is Kind.OTHER:
        data = _DATA[update.kind](update)
    else:
        data = tuple(
            Element(_capital(each.tag), each.content) for each in _DATA[update.kind](update)
        )
    if len(data) != 1:
        raise InvalidRequest(f"an update of kind {update.kind.value} with {len(data)} things in it")
    return render(data[0])


def _capital(tag: str) -> str:
    return tag[:1].upper() + tag[1:]


def _upper(element: Element) -> Element:
    """Give REST's spelling of an error, in which every name begins with a capital."""
    if isinstance(element.content, str):
        return Element(_capital(element.tag), element.content)
    return Element(_capital(element.tag), tuple(map(_upper, element.content)))


def dialog_element(dialog: Dialog, tag: str = "Dialog") -> Element:
    """Return a dialog as an element of that tag."""
    texts = _texts(
        tags.DIALOG,
        (
            dialog.id,
            dialog.uri,
            dialog.state,
            dialog.media_type,
            dialog.from_address,
            dialog.to_address,
            dialog.associated_dialog_uri,
            dialog.secondary_id,
            dialog.callback_number,
            dialog.ccai_config_id,
        ),
    )
    callback = dialog.scheduled_callback_info
    if callback is not None:
        inside = _texts(tags.CALLBACK, (callback.callback_time, callback.callback_number))
        texts += (Element("scheduledCallbackInfo", inside),)
    people = tuple(map(_participant, dialog.participants))
    media = _media_properties(dialog.media_properties)
    return Element(tag, _sorted((*texts, media, Element("participants", people))))


def _media_properties(media: MediaProperties) -> Element:
    texts = _texts(
        tags.MEDIA_PROPERTIES,
        (
            media.media_id,
            media.dialed_number,
            media.call_type,
            media.dnis,
            media.queue_number,
            media.queue_name,
            media.call_key_call_id,
            media.call_key_sequence_num,
            media.call_key_prefix,
            media.outbound_classification,
            media.wrap_up_reason,
        ),
    )
    variables = tuple(
        Element("CallVariable", (Element("name", name), *_texts(("value",), (value,))))
        for name, value in media.call_variables
    )
    items = _list("wrapUpItems", "wrapUpItem", media.wrap_up_items) if media.wrap_up_items else ()
    inside = (*_sorted(texts), *items, Element("callvariables", variables))
    return Element("mediaProperties", inside)


def _participant(party: Participant) -> Element:
    texts = _texts(
        tags.PARTICIPANT,
        (
            party.media_address,
            party.media_address_type,
            party.state,
            party.state_cause,
            party.start_time,
            party.state_change_time,
        ),
    )
    return Element("Participant", _sorted((*texts, *_list("actions", "action", party.actions))))


def user_element(user: User, tag: str = "User") -> Element:
    """Return a user as an element of that tag: the fields, then what else the tree holds."""
    texts = _texts(
        tags.USER,
        (
            user.login_id,
            user.login_name,
            user.first_name,
            user.last_name,
            user.extension,
            user.state,
            user.pending_state,
            user.state_change_time,
            user.reason_code_id,
            user.team_id,
            user.team_name,
            user.media_type,
            user.dialogs,
            user.uri,
            user.wrap_up_timer,
        ),
    )
    if (reason := user.reason_code) is not None:
        values = (reason.category, reason.code, reason.for_all, reason.id, reason.label, reason.uri)
        texts += (Element("reasonCode", _texts(tags.REASON_CODE, values)),)
    named = (*texts, *_list("roles", "role", user.roles))
    return Element(tag, _sorted((*named, *_rest(user.tree, tags.USER + tags.USER_PARTS))))


def error_element(error: ApiError) -> Element:
    """Return an error as a notification's `apiError`."""
    values = (
        error.error_type,
        error.error_message,
        error.error_data,
        error.error_media,
        error.peripheral_error_code,
        error.peripheral_error_msg,
        error.peripheral_error_text,
    )
    return Element("apiError", _sorted(_texts(tags.API_ERROR, values)))


def _system_info(info: SystemInfo) -> Elements:
    if info.tree:
        return _branches(info.tree)
    values = (
        info.status,
        info.current_timestamp,
        info.deployment_type,
        info.xmpp_domain,
        info.xmpp_pub_sub_domain,
    )
    hosts = _texts(tags.SYSTEM_INFO_PARTS, (info.primary_node, info.secondary_node))
    nodes = tuple(Element(each.tag, (Element("host", each.content),)) for each in hosts)
    return (*_texts(tags.SYSTEM_INFO, values), *nodes)


def _texts(names: Iterable[str], values: Iterable[str | None]) -> Elements:
    pairs = zip(names, values, strict=True)
    return tuple(Element(name, value) for name, value in pairs if value is not None)


def _list(tag: str, each: str, values: Sequence[str]) -> Elements:
    return (Element(tag, tuple(Element(each, value) for value in values)),)


def _sorted(elements: Elements) -> Elements:
    return tuple(sorted(elements, key=lambda element: element.tag))


def _rest(tree: Tree, named: Sequence[str]) -> Elements:
    return _branches({name: value for name, value in tree.items() if name not in named})


def _branches(tree: Tree) -> Elements:
    """Return a tree's elements; text between elements (under "#text") is not written."""
    return tuple(
        _branch(name, each)
        for name, value in tree.items()
        if name != "#text"
        for each in (value if isinstance(value, tuple) else (value,))
    )


def _branch(name: str, value: Branch) -> Element:
    if isinstance(value, str):
        return Element(name, value)
    if isinstance(value, tuple):  # a tuple in a tuple cannot come from XML
        return Element(name, tuple(_branch(name, each) for each in value))
    return Element(name, _branches(value))


def _in_tree(tag: str) -> Callable[[Update], Elements]:
    return lambda update: (Element(tag, _branches(update.tree)),)


def _one_user(update: Update) -> Elements:
    return () if update.user is None else (user_element(update.user, "user"),)


def _one_system(update: Update) -> Elements:
    info = update.system_info
    return () if info is None else (Element("systemInfo", _system_info(info)),)


_DATA: dict[Kind, Callable[[Update], Elements]] = {
    Kind.DIALOGS: lambda update: (Element("dialogs", tuple(map(dialog_element, update.dialogs))),),
    Kind.DIALOG: lambda update: tuple(dialog_element(each, "dialog") for each in update.dialogs),
    Kind.USER: _one_user,
    Kind.TEAM: _in_tree("team"),
    Kind.QUEUE: _in_tree("queue"),
    Kind.QUEUES: _in_tree("queues"),
    Kind.MEDIA: _in_tree("media"),
    Kind.SYSTEM_INFO: _one_system,
    Kind.ERRORS: lambda update: (Element("apiErrors", tuple(map(error_element, update.errors))),),
    Kind.EMPTY: lambda _: (),
    Kind.OTHER: lambda update: _branches(update.tree),
}
