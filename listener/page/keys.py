"""The key of the page's cookies: in a file beside the journal, so that a restart ends no cookie.

Removing that file (and a restart) ends all of them. Blocks; knows files through the journal's own
way with keys.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from listener.errors import ConfigurationError, NotKept
from listener.journal import place
from listener.journal.keys import KEY_BYTES, keep_key, key_of_folder


def key_for(journal: Path | None) -> bytes:
    """Return the key beside that journal, made where it is missing; one of this process without.

    Where it cannot be kept (a full disk) it is of this process alone too. Raises ConfigurationError
    for a file that is no key, or that others may read.
    """
    if journal is None:
        return secrets.token_bytes(KEY_BYTES)
    beside = journal.with_name(f"{journal.name}.page")  # which makes it <journal>.page.key
    try:
        key = key_of_folder(beside)
        keep_key(beside, key)
    except NotKept:
        return secrets.token_bytes(KEY_BYTES)
    except ConfigurationError:
        file = place.key_of(beside)
        raise ConfigurationError(
            f"the key of the page's cookies, {file}, cannot be used: it must hold {KEY_BYTES} bytes"
            " that nobody else can read; remove it, and sign in to the page again"
        ) from None
    return key
