"""Values made the quick way are the same values."""

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from listener.finesse.model import Dialog, MediaProperties, Notification, Participant, Update, maker

MADE = [Dialog, MediaProperties, Notification, Participant, Update]


@pytest.mark.parametrize("cls", MADE)
def test_a_quickly_made_value_is_like_any_other(cls):
    values = [f"value {number}" for number in range(len(fields(cls)))]
    quick, usual = maker(cls)(*values), cls(*values)
    assert type(quick) is cls
    assert quick == usual
    assert hash(quick) == hash(usual)
    assert repr(quick) == repr(usual)
    assert not hasattr(quick, "__dict__")
    first = fields(cls)[0].name
    assert replace(quick, **{first: "other"}) == cls("other", *values[1:])
    assert copy.deepcopy(quick) == pickle.loads(pickle.dumps(quick)) == usual
    with pytest.raises(FrozenInstanceError):
        setattr(quick, first, "other")


@pytest.mark.parametrize("cls", MADE)
def test_a_quickly_made_value_needs_all_its_fields(cls):
    with pytest.raises(TypeError):
        maker(cls)()
