"""Name <-> path <-> id."""

from __future__ import annotations

import pickle
import unicodedata
from uuid import UUID, uuid5

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from promptgit.domain import names
from promptgit.errors import InvalidName

SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"

characters = st.characters(categories=("L", "M", "N", "S", "P"), exclude_characters='/\\:*?"<>|')
segments = st.text(characters | st.just(" "), min_size=1, max_size=30)
any_names = st.lists(segments, min_size=1, max_size=4).map("/".join) | st.uuids().map(str)


def valid(name: str) -> bool:
    try:
        return names.check(name) == name
    except InvalidName:
        return False


@given(any_names)
def test_the_path_of_a_name_leads_back_to_it(name: str) -> None:
    """No two names share a path, and no name is lost on the way through the tree."""
    name = unicodedata.normalize("NFC", name)
    assume(valid(name))
    assert names.name_of(names.path_of(name)) == name


@given(st.text(max_size=60).map(lambda text: f"prompts/{text}.md") | st.text(max_size=60))
def test_a_path_is_a_prompts_only_if_it_is_the_path_of_its_name(path: str) -> None:
    name = names.name_of(path)
    assert name is None or names.path_of(name) == path


@given(st.text(max_size=210))
def test_any_text_is_a_name_or_refused_with_a_reason(text: str) -> None:
    if not valid(names.canonical(text)):
        with pytest.raises(InvalidName) as refusal:
            names.check(text)
        assert refusal.value.reason
        assert refusal.value.place is None or 1 <= refusal.value.place <= len(text) + 1


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "support/greeting",
        "Straße/東京",
        "emoji 🎉 ❤️",
        "a.b.c",
        "a#b",
        "a+b=c ~d",
        "x" * 100,
        "PostgreSQL DBA.chatmode",
    ],
)
def test_ordinary_names_are_taken_as_they_are(name: str) -> None:
    assert names.check(name) == name


@pytest.mark.parametrize(
    ("name", "said", "place"),
    [
        ("", "is empty", None),
        ("x" * 201, "201 characters", None),
        ("a/" + "x" * 101, "101 characters", 3),
        ("é" * 99 + "/" + "東" * 81, "243 bytes", 101),
        ("../../etc/passwd", "starts with '.'", 1),
        ("a/../b", "starts with '.'", 3),
        (".git/config", "starts with '.'", 1),
        ("-x", "starts with '-'", 1),
        (" a", "starts with ' '", 1),
        ("a /b", "ends with ' '", 2),
        ("a.", "ends with '.'", 2),
        ("/a", "empty segment", 1),
        ("a//b", "empty segment", 3),
        ("a/", "empty segment", 3),
        ("CON", "Windows reserves", 1),
        ("a/nul.txt", "Windows reserves", 3),
        ("com¹", "Windows reserves", 1),
        ("con .md", "Windows reserves", 1),
        ("a.lock", "ends in '.lock'", 2),
        ("repo.GIT/x", "ends in '.git'", 5),
        ("GIT~1", "git's to Windows", 1),
        ("a/gitmod~1/x", "git's to Windows", 3),
        ("gi7eba~12", "git's to Windows", 1),
        ("AB/ABCDEF00-3c4d-7e8f-9a0b-1c2d3e4f5a6b", "is the place of the name", None),
        ("a\\b", "U+005C", 2),
        ("a:b", "U+003A", 2),
        ("a\nb", "U+000A", 2),
        ("a\0b", "U+0000", 2),
        ("a\u202eb", "invisible formatting", 2),
        ("a\u200bb", "invisible formatting", 2),
        ("a\u200db", "invisible formatting", 2),
        ("a\ud800", "lone surrogate", 2),
        ("a\u00a0b", "other than the plain space", 2),
        ("a\ue000", "does not assign", 2),
        ("cafe\u0301", "NFC", 4),
        ("a\u0301b" + "x", "NFC", 1),
        (f"{SOME_UUID[:2]}/{SOME_UUID}", "is the place of the name", None),
    ],
)
def test_a_name_that_breaks_a_rule_is_told_which_and_where(name: str, said: str, place: int | None) -> None:
    with pytest.raises(InvalidName) as refusal:
        names.check(name)
    assert said in refusal.value.reason
    assert refusal.value.place == place
    again = pickle.loads(pickle.dumps(refusal.value))
    assert (again.reason, again.place) == (refusal.value.reason, refusal.value.place)


def test_a_uuid_lies_in_a_folder_of_its_first_two_digits() -> None:
    assert names.path_of(SOME_UUID) == f"prompts/01/{SOME_UUID}.md"
    assert names.name_of(f"prompts/01/{SOME_UUID}.md") == SOME_UUID


@pytest.mark.parametrize(
    "path", [f"prompts/{SOME_UUID}.md", "prompts/.md", "prompts/a.txt", "README.md", "labels/x/a.md"]
)
def test_other_files_are_nobodys(path: str) -> None:
    assert names.name_of(path) is None


def test_upper_and_lower_case_are_the_same_uuid() -> None:
    assert names.check(SOME_UUID.upper()) == SOME_UUID
    assert names.parse_id(SOME_UUID.upper()) == SOME_UUID


@pytest.mark.parametrize("text", ["", "x", f"{{{SOME_UUID}}}", SOME_UUID.replace("-", ""), f"urn:uuid:{SOME_UUID}"])
def test_only_the_long_form_is_an_id(text: str) -> None:
    assert names.parse_id(text) is None


def test_ids_are_the_same_on_every_machine() -> None:
    """These values are in people's programs: they never change."""
    assert names.id_of("support/greeting") == "3d798a29-5c6e-5ea1-806b-7b92197fa9b4"
    assert names.id_of(SOME_UUID) == SOME_UUID
    assert names.id_of("a", "0" * 40) not in (names.id_of("a"), names.id_of("a", "1" * 40))
    assert names.version_id(SOME_UUID, "0" * 40) == "e99291e6-d4b7-52d4-8660-456e08d2e692"


@given(st.uuids(), st.binary(min_size=20, max_size=20))
def test_a_versions_id_is_the_uuid_of_version_5_of_prompt_and_commit(prompt_id: UUID, commit: bytes) -> None:
    assert names.version_id(str(prompt_id), commit.hex()) == str(uuid5(prompt_id, commit.hex()))


@given(any_names)
def test_case_and_normal_form_make_no_difference_to_a_folded_path(name: str) -> None:
    folded = names.fold(name)
    assert names.fold(unicodedata.normalize("NFD", name)) == folded
    assert names.fold(folded) == folded
