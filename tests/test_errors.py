"""The exceptions: what each carries, says, and keeps when it goes to another process."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import UTC, datetime

import pytest

from promptgit import errors
from promptgit.client import HttpError, MissingVariable, ServerAway, UnknownVariable

KINDS = [
    kind
    for kind in [*vars(errors).values(), HttpError, MissingVariable, ServerAway, UnknownVariable]
    if isinstance(kind, type) and issubclass(kind, errors.PromptgitError)
]
VALUES = {
    "bool": True,
    "int": 7,
    "float": 7.5,
    "datetime": datetime(2026, 1, 31, tzinfo=UTC),
    "Mapping[int, PromptgitError]": {2: errors.KeyReused(), 7: errors.LabelProtected("production")},
}


def made(kind: type[errors.PromptgitError]) -> errors.PromptgitError:
    """One of this kind, made with keyword arguments."""
    given = {field.name: VALUES.get(str(field.type), "text") for field in dataclasses.fields(kind) if field.init}
    return kind(**given)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_pickles_with_its_data(kind: type[errors.PromptgitError]) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    # By what they show, for an error that holds others is never equal to its copy.
    assert (str(again), repr(again.args), repr(vars(again))) == (str(error), repr(error.args), repr(vars(error)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_one_of_its_own(kind: type[errors.PromptgitError]) -> None:
    """Two of one kind with the same data are two errors: what handles exceptions keeps them in sets."""
    assert len({made(kind), made(kind)}) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_what_to_do(kind: type[errors.PromptgitError]) -> None:
    assert "{" not in str(made(kind))
    if kind not in (errors.PromptgitError, errors.Unavailable):
        assert str(made(kind))


def test_what_a_sentence_is_filled_with_stays_as_it_is() -> None:
    assert str(errors.LabelNotFound("{self.code}", "{0}")) == "'{self.code}' has no label '{0}'."


def test_the_tree_shows_every_error() -> None:
    named = str(errors.__doc__).replace(",", " ").split()
    missing = [kind.__name__ for kind in KINDS if kind.__module__.startswith("promptgit.errors.")]
    assert [name for name in missing if name not in named] == []
