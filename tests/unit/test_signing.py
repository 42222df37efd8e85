"""What was refused is known by its hash, for as long as nothing else was taken."""

from __future__ import annotations

import pytest

from listener import signing
from listener.errors import CredentialsRefused
from listener.settings.model import Agent
from listener.signing import Signing


class Keeper:
    def __init__(self) -> None:
        self.uses: dict[str, object] = {}

    def set_credentials(self, agent: str, credentials: object) -> None:
        self.uses[agent] = credentials

    def forget(self, agent: str) -> None:
        self.uses.pop(agent, None)

    def taken(self, agent: str) -> None:
        self.uses[agent] = "taken"


def agent(secret: str = "one", id_: str = "1001", **more: str) -> Agent:
    return Agent(id=id_, password=secret, **more)


@pytest.fixture
def rest() -> Keeper:
    return Keeper()


@pytest.fixture
def known(rest) -> Signing:
    return Signing(rest)


def refuse(known: Signing, one: Agent) -> None:
    known.for_sasl(one)
    known.refused_by_sasl(one.id)


def test_what_sasl_refused_is_shown_to_nobody_again(known, rest):
    refuse(known, agent())
    with pytest.raises(CredentialsRefused, match="1001"):
        known.for_sasl(agent())
    assert not known.use(agent(), plainly=False)
    assert rest.uses == {}
    assert known.withheld == {"1001"}


def test_another_password_or_a_token_beside_it_is_something_else(known):
    refuse(known, agent())
    for other in (agent("two"), agent("one", token="one"), agent("", token="one")):
        assert known.use(other, plainly=False)
        assert known.for_sasl(other)


def test_the_same_password_of_another_agent_is_tried_and_spelling_makes_none(known):
    refuse(known, agent(id_="anna"))
    assert known.for_sasl(agent(id_="bert")) == "one"
    assert not known.use(agent(id_="ANNA"), plainly=False)


def test_somebody_who_means_it_plainly_has_one_more_try(known, rest):
    refuse(known, agent())
    assert known.use(agent(), plainly=True)
    assert "1001" in rest.uses
    refuse(known, agent())
    assert not known.use(agent(), plainly=False)


def test_what_rest_refused_is_for_sasl_to_judge(known, rest):
    known.use(agent(), plainly=True)
    known.refused_by_rest(agent())
    assert rest.uses == {}
    assert known.for_sasl(agent()) == "one"
    assert known.taken(agent())
    assert "1001" in rest.uses
    assert not known.withheld
    known.refused_by_rest(agent())
    refuse(known, agent())
    with pytest.raises(CredentialsRefused):
        known.for_sasl(agent())


def test_what_is_known_to_be_wrong_is_for_nobody(known, rest):
    known.use(agent(), plainly=True)
    known.withhold("1001")
    assert rest.uses == {}
    with pytest.raises(CredentialsRefused):
        known.for_sasl(agent())
    assert known.use(agent("two"), plainly=False)
    assert known.for_sasl(agent("two")) == "two"


def test_after_another_one_was_taken_an_old_refusal_says_nothing(known):
    refuse(known, agent("one"))
    known.for_sasl(agent("two"))
    assert not known.taken(agent("two"))  # nothing was withheld
    assert known.use(agent("one"), plainly=False)


def test_an_answer_speaks_of_what_was_shown_and_not_of_what_came_meanwhile(known):
    known.for_sasl(agent("old"))
    known.use(agent("new"), plainly=False)
    known.refused_by_sasl("1001")
    assert known.use(agent("new"), plainly=False)
    assert not known.use(agent("old"), plainly=False)
    known.refused_by_rest(agent("new"))
    known.for_sasl(agent("older"))
    assert not known.taken(agent("new"))  # which SASL has not seen
    assert known.withheld == {"1001"}


def test_who_is_held_no_more_is_not_withheld_and_what_was_refused_stays_known(known):
    refuse(known, agent())
    known.use(agent(), plainly=False)
    known.drop("1001")
    assert not known.withheld
    assert known.is_refused(agent())


def test_memory_is_bounded(known, monkeypatch):
    monkeypatch.setattr(signing, "MOST_AGENTS", 3)
    for number in range(50):
        refuse(known, agent(str(number)))
    assert not known.is_refused(agent("0"))
    assert known.is_refused(agent("49"))
    assert len(known._refused["1001"]) == signing.MOST_EACH
    for number in range(5):
        refuse(known, agent(id_=f"agent{number}"))
    assert not known.is_refused(agent("49"))
    assert len(known._refused) == 3


def test_no_password_is_kept_or_shown(known):
    refuse(known, agent("never-kept"))
    assert "never-kept" not in repr(vars(known))
    assert Signing(Keeper())._digest(agent()) != known._digest(agent())  # each with its own key


@pytest.mark.parametrize(("now", "told"), [("one", True), ("two", False)])
def test_who_is_used_hears_that_sasl_took_just_that(known, rest, now, told):
    known.use(agent(), plainly=True)
    known.for_sasl(agent())
    known.use(agent(now), plainly=True)
    assert not known.taken(agent(now))
    assert (rest.uses["1001"] == "taken") is told
