"""The pages that write, over HTTP: what is saved, what is told, what is kept when something is refused."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from filelock import FileLock
from flask.testing import FlaskClient

from promptgit.errors import StorageFull
from promptgit.store.git.repository import Repository
from tests.pages import content, fields, newest, page_of, save, send, submit, told, words
from tests.support import foreign_commit
from tests.test_api_prompts import create

MIXED = "\ufeffone\r\ntwo\rthree\n\n \tfour\x0c\x1b \r\n\u2028five"


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """The page of a prompt with two versions."""
    create(client, "a", "one\n")
    save(client, "a", "two\n", "Second")
    return page_of("a")


def test_a_prompt_is_created(client: FlaskClient) -> None:
    form = {"name": "support/greeting", "content": "Hi\nthere\n", "description": "Why\nso"}
    answer = send(client, "/new", **form, **{"author.name": "Ada", "author.email": "ada@example.org"})
    assert told(client, answer) == "Created “support/greeting”."
    assert content(client, "support/greeting") == "Hi\nthere\n"
    assert newest(client, "support/greeting")["author"] == {"name": "Ada", "email": "ada@example.org"}
    assert newest(client, "support/greeting")["description"] == "Why\nso"
    assert fields(client.get("/new").text)["author.name"] == "Ada", "the next form knows the name"


def test_a_prompt_without_a_name_is_asked_for_one(client: FlaskClient) -> None:
    """An empty form, sent too early, makes nothing; what was written is kept."""
    answer = send(client, "/new", content="x")
    assert answer.status_code == 422
    assert "The name is missing" in answer.text
    assert fields(answer.text)["content"] == "x"
    assert client.get("/api/prompts").json == []


def test_a_prompt_without_a_text_is_asked_for_one(client: FlaskClient) -> None:
    answer = send(client, "/new", name="a", content=" \n", description="Kept")
    assert answer.status_code == 422
    assert "The content is empty" in answer.text
    assert fields(answer.text)["description"] == "Kept"
    assert client.get("/api/prompts").json == []


def test_a_prompt_is_made_once_by_a_double_click(client: FlaskClient) -> None:
    form = fields(client.get("/new").text) | {"name": "once", "content": "x"}
    first, second = submit(client, "/new", form), submit(client, "/new", form)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(client.get("/api/prompts").json) == 1


def test_a_name_that_is_taken_leads_to_the_prompt_that_has_it(client: FlaskClient, prompt: str) -> None:
    answer = send(client, "/new", name="A", content="mine\n", description="Kept")
    assert answer.status_code == 409
    kept = fields(answer.text)
    assert (kept["name"], kept["content"], kept["description"]) == ("A", "mine\n", "Kept")
    assert 'id="error-name"' in answer.text
    assert f'href="{prompt}"' in answer.text


@pytest.mark.parametrize("text", [MIXED, "\n\nx", "", "\r", "x\r\n", "\r\n\r\n", "a\n\n", "\rlone\r", "<&\">'{{x}}"])
def test_an_edit_saves_the_very_bytes_but_for_the_edit(client: FlaskClient, text: str) -> None:
    create(client, "a", text)
    answer = send(client, page_of("a") + "/edit")
    assert told(client, answer) == "Nothing was changed, so nothing was saved."
    assert newest(client, "a")["version_number"] == 1
    send(client, page_of("a") + "/edit")
    assert 'class="told note"' in client.get("/").text, "that is no success"
    form = fields(client.get(page_of("a") + "/edit").text)
    answer = submit(client, page_of("a") + "/edit", form | {"content": f"{form['content']}!", "description": "Wow"})
    assert told(client, answer) == "Saved version 2."
    assert content(client, "a") == text + "!"
    assert newest(client, "a")["description"] == "Wow"


def test_somebody_elses_change_is_shown_beside_the_text_that_was_not_saved(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/edit").text)
    save(client, "a", "two and a half\n", "Theirs")
    answer = submit(client, f"{prompt}/edit", form | {"content": "two, mine\n", "description": "My reason"})
    assert answer.status_code == 412
    assert "Version 3 was saved after you opened version 2" in words(answer)
    assert "Somebody saved" not in words(answer), "said twice"
    assert "<ins> and a half</ins>" in answer.text
    kept = fields(answer.text)
    assert (kept["content"], kept["description"], kept["version"]) == ("two, mine\n", "My reason", "3")
    assert content(client, "a") == "two and a half\n"
    assert told(client, submit(client, f"{prompt}/edit", kept)) == "Saved version 4."
    assert content(client, "a") == "two, mine\n"


def test_changes_of_different_lines_are_merged_and_each_text_can_be_had(client: FlaskClient, prompt: str) -> None:
    """The page offers both changes as one text, mine and theirs; none is lost until one is saved."""
    base = "".join(f"{number}\r\n" for number in "1234567")
    mine, theirs = base.replace("1", "{{mine}}"), base.replace("7", "theirs")
    both = mine.replace("7", "theirs")
    save(client, "a", base)
    form = fields(client.get(f"{prompt}/edit").text) | {"content": mine, "description": "My reason"}
    save(client, "a", theirs)
    answer = submit(client, f"{prompt}/edit", form)
    assert answer.status_code == 412
    assert "the text below has both changes" in words(answer)
    assert "adds {{mine}}" in words(answer), "the change of variables is told here, and not asked about again"
    form = fields(answer.text)
    assert (form["content"], form["description"]) == (both.replace("\r\n", "\n"), "My reason")
    for take, text in (("theirs", theirs), ("mine", mine), ("both", both)):
        answer = submit(client, f"{prompt}/edit", form | {"take": take})
        assert answer.status_code == 200
        form = fields(answer.text)
        assert form["content"] == text.replace("\r\n", "\n")
    refused = submit(client, f"{prompt}/edit", form | {"author.name": "<"})
    assert "Version 4 was saved after you opened version 3" in words(refused), "still told after another refusal"
    assert newest(client, "a")["version_number"] == 4
    assert told(client, submit(client, f"{prompt}/edit", form)) == "Saved version 5."
    assert content(client, "a") == both


def test_variables_that_an_edit_adds_and_drops_are_named_before_it_is_saved(client: FlaskClient) -> None:
    """Without scripts the form comes back once, says what it changes, and takes the next press of Save."""
    create(client, "a", "{{name}} {{ kept }}\n")
    answer = send(client, page_of("a") + "/edit", content="{{ kept }} {{place}} {{#if x}}\n", description="Why")
    assert "drops {{name}}, adds {{place}}" in words(answer)
    form = fields(answer.text)
    assert (form["content"], form["description"]) == ("{{ kept }} {{place}} {{#if x}}\n", "Why")
    assert newest(client, "a")["version_number"] == 1
    again = submit(client, page_of("a") + "/edit", form | {"content": "{{place}}\n"})
    assert "drops {{name}}, {{kept}}, adds {{place}}" in words(again), "another change is another question"
    assert told(client, submit(client, page_of("a") + "/edit", form)) == "Saved version 2."
    answer = send(client, page_of("a") + "/edit", content="{{kept}}, {{ place }}!\n")
    assert told(client, answer) == "Saved version 3.", "no variable came or went"


def test_a_second_conflict_is_one_too(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/edit").text) | {"content": "mine"}
    save(client, "a", "theirs")
    kept = fields(submit(client, f"{prompt}/edit", form).text)
    save(client, "a", "theirs again")
    answer = submit(client, f"{prompt}/edit", kept)
    assert answer.status_code == 412
    assert "Version 4 was saved after you opened version 3" in words(answer)


def test_a_double_click_saves_once_and_is_told_so(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/edit").text) | {"content": "three\n"}
    for _ in range(2):
        assert told(client, submit(client, f"{prompt}/edit", form)) == "Saved version 3."
    assert newest(client, "a")["version_number"] == 3


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"content": "x" * 30_000}, 413, "content"),
        ({"content": "a\0b"}, 422, "content"),
        ({"description": "x" * 10_001}, 422, "description"),
        ({"author.name": "<"}, 422, "author.name"),
        ({"author.email": "only@this"}, 422, "author.name"),
    ],
)
def test_what_is_refused_is_told_beside_its_field(
    client: FlaskClient, prompt: str, changed: dict[str, str], status: int, field: str
) -> None:
    form = {"content": "my words\n", "description": "my reason"} | changed
    answer = send(client, f"{prompt}/edit", **form)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert f'aria-describedby="error-{field}"' in answer.text
    assert f'id="error-{field}"' in answer.text
    kept = fields(answer.text)
    assert {name: kept[name] for name in form if "\0" not in form[name]} == {
        name: value for name, value in form.items() if "\0" not in value
    }
    assert newest(client, "a")["version_number"] == 2


def test_a_bad_name_is_told_beside_the_name(client: FlaskClient, prompt: str) -> None:
    for address in ("/new", f"{prompt}/rename"):
        answer = send(client, address, name="a/../b")
        assert answer.status_code == 422
        assert "starts with" in answer.text
        assert fields(answer.text)["name"] == "a/../b"


def full(*_: object) -> None:
    raise StorageFull


def broken(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(("fails", "status", "words_"), [(full, 507, "The disk is full"), (broken, 500, "went wrong")])
def test_a_disk_that_is_full_or_a_fault_keeps_the_text(
    client: FlaskClient,
    prompt: str,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., None],
    status: int,
    words_: str,
) -> None:
    monkeypatch.setattr(Repository, "store", fails)
    answer = send(client, f"{prompt}/edit", content="my words\n")
    assert (answer.status_code, fields(answer.text)["content"]) == (status, "my words\n")
    assert words_ in words(answer)


def test_a_lock_that_others_keep_is_told_and_the_text_kept(client: FlaskClient, prompt: str, tmp_path: Path) -> None:
    form = fields(client.get(f"{prompt}/edit").text) | {"content": "my words\n"}
    with ThreadPool(1) as pool, FileLock(tmp_path / "data" / "write.lock"):
        answer = pool.apply(submit, (client, f"{prompt}/edit", form))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert fields(answer.text)["content"] == "my words\n"


def test_an_edit_of_a_prompt_that_was_deleted_meanwhile_is_kept(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/edit").text) | {"content": "my words\n"}
    client.delete(f"/api{prompt}")
    answer = submit(client, f"{prompt}/edit", form)
    assert answer.status_code == 410
    assert fields(answer.text)["content"] == "my words\n"


def test_a_large_text_of_other_scripts_is_saved(client: FlaskClient) -> None:
    """Each of its bytes is three characters in a form."""
    text = "é" * 9_000
    answer = send(client, "/new", name="a", content=text)
    assert answer.status_code == 303
    assert content(client, "a") == text


def test_invisible_characters_are_listed_above_the_text(client: FlaskClient) -> None:
    create(client, "a", "safe \u202e\u202e text")
    told_ = words(client.get(page_of("a") + "/edit"))
    assert "U+202E RIGHT-TO-LEFT OVERRIDE, 2 times" in told_


def test_what_is_not_utf8_is_told_and_not_spoilt_by_pressing_save(client: FlaskClient, repository: Path) -> None:
    foreign_commit(repository, {"prompts/a.md": b"caf\xe9\n"})
    assert "This version is not UTF-8" in words(client.get(page_of("a") + "/edit"))
    answer = send(client, page_of("a") + "/edit")
    assert told(client, answer) == "Nothing was changed, so nothing was saved."
    assert newest(client, "a")["version_number"] == 1


def test_a_form_that_is_too_large_to_read_is_a_page_that_says_so(client: FlaskClient, prompt: str) -> None:
    answer = send(client, f"{prompt}/edit", content="x" * 1_300_000)
    assert (answer.status_code, answer.mimetype) == (413, "text/html")
