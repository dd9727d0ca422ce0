"""Reverts, renames, deletions and restores on pages, and whose forms are taken."""

from __future__ import annotations

import os
import stat
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.http.web.keys import secret_key
from promptgit.settings import Settings
from tests.pages import content, fields, newest, page_of, save, send, submit, told, words
from tests.support import git_text
from tests.test_api_prompts import create


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """The page of a prompt with two versions."""
    create(client, "a", "one\n")
    save(client, "a", "two\n", "Second")
    return page_of("a")


def test_a_revert_is_looked_at_and_told(client: FlaskClient, prompt: str) -> None:
    page = client.get(f"{prompt}/versions/1/revert")
    assert "this text becomes version 3" in words(page)
    answer = send(client, f"{prompt}/versions/1/revert", description="It was better")
    assert told(client, answer) == "Reverted to version 1 successfully."
    assert (content(client, "a"), newest(client, "a")["description"]) == ("one\n", "It was better")
    again = send(client, f"{prompt}/versions/1/revert")
    assert told(client, again) == "Reverted to version 1 successfully."
    assert newest(client, "a")["version_number"] == 3


def test_a_revert_that_was_looked_at_before_somebody_saved_is_looked_at_again(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/versions/1/revert").text)
    save(client, "a", "three\n")
    answer = submit(client, f"{prompt}/versions/1/revert", form)
    assert answer.status_code == 412
    assert "three" in words(answer)
    assert "Somebody saved version 3" in words(answer)
    answer = submit(client, f"{prompt}/versions/1/revert", fields(answer.text))
    assert told(client, answer) == "Reverted to version 1 successfully."


def test_a_double_click_on_revert_is_one_revert(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/versions/1/revert").text)
    for _ in range(2):
        answer = submit(client, f"{prompt}/versions/1/revert", form)
        assert told(client, answer) == "Reverted to version 1 successfully."
    assert newest(client, "a")["version_number"] == 3


def test_a_prompt_is_renamed(client: FlaskClient, prompt: str) -> None:
    assert told(client, send(client, f"{prompt}/rename", name="b/c")) == "Renamed to “b/c”."
    assert client.get(f"/api{prompt}").json["name"] == "b/c"


def test_a_prompt_is_deleted_by_its_name_alone_and_restored(client: FlaskClient, prompt: str) -> None:
    answer = send(client, f"{prompt}/delete", name="b", description="Old")
    assert answer.status_code == 422
    assert fields(answer.text)["description"] == "Old"
    answer = send(client, f"{prompt}/delete", name="a")
    assert told(client, answer).startswith("Deleted “a”.")
    assert client.get(f"/api{prompt}").status_code == 410
    assert client.get(f"{prompt}/edit").status_code == 410
    answer = send(client, f"{prompt}/versions/2/revert")
    assert told(client, answer) == "Restored “a” as version 2 had it."
    assert content(client, "a") == "two\n"


def test_a_prompt_that_changed_since_is_not_deleted(client: FlaskClient, prompt: str) -> None:
    form = fields(client.get(f"{prompt}/delete").text) | {"name": "a"}
    save(client, "a", "three\n")
    assert submit(client, f"{prompt}/delete", form).status_code == 412
    assert content(client, "a") == "three\n"


def test_a_form_from_elsewhere_writes_nothing(client: FlaskClient, app: Flask, prompt: str) -> None:
    """With no token, with a made-up one, and with somebody else's; the text stays on the page."""
    stranger = fields(app.test_client().get("/new").text)["csrf_token"]
    for token in ("", "made-up", stranger):
        form = {"csrf_token": token, "name": "forged", "content": "evil"}
        answer = client.post("/new", data=form)
        assert (answer.status_code, answer.mimetype) == (400, "text/html")
        assert fields(answer.text)["content"] == "evil"
        for address in (f"{prompt}/edit", f"{prompt}/versions/1/revert", f"{prompt}/rename", f"{prompt}/delete"):
            assert client.post(address, data=form | {"name": "a"}).status_code == 400
    assert [found["name"] for found in client.get("/api/prompts").json] == ["a"]
    assert newest(client, "a")["version_number"] == 2


def test_forms_stay_good_in_another_worker_and_after_a_restart(
    client: FlaskClient, tmp_path: Path, prompt: str
) -> None:
    form = fields(client.get(f"{prompt}/edit").text) | {"content": "three\n"}
    cookie = client.get_cookie("promptgit")
    assert cookie
    assert cookie.http_only
    other = create_app(Settings(data=tmp_path / "data")).test_client()
    other.set_cookie("promptgit", cookie.value)
    assert told(other, submit(other, f"{prompt}/edit", form)) == "Saved version 3."


def test_the_key_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    with ThreadPool(8) as pool:
        keys = set(pool.map(secret_key, [tmp_path] * 64))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    (path,) = tmp_path.glob("web.key*")  # and a lock
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_key_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    """Few bytes could be guessed."""
    for size in (0, 1, 31):
        (tmp_path / "web.key").write_bytes(bytes(size))
        assert len(key := secret_key(tmp_path)) == 32
        assert not key.startswith(bytes(8))
        assert secret_key(tmp_path) == key


def test_a_prompt_whose_name_another_one_has_is_not_restored(client: FlaskClient, prompt: str) -> None:
    """The page says so, and leads to the other one."""
    client.delete(f"/api{prompt}")
    create(client, "b", "other")
    assert client.patch(f"/api{page_of('b')}", json={"name": "a"}).status_code == 200
    answer = send(client, f"{prompt}/versions/1/revert", description="Please")
    assert answer.status_code == 409
    assert f'href="{page_of("b")}"' in answer.text
    assert fields(answer.text)["description"] == "Please"


def token(tmp_path: Path, scope: Scope) -> tuple[str, str]:
    """A token, as a browser sends what somebody types into its dialog."""
    _, secret = Tokens(tmp_path / "data").create("rae", scope)
    return ("", secret)


def test_who_may_only_read_sees_no_buttons_and_sends_no_forms(client: FlaskClient, prompt: str, tmp_path: Path) -> None:
    form = fields(client.get(f"{prompt}/edit").text) | {"content": "three"}
    rae = token(tmp_path, Scope.READ)
    assert client.get(prompt).status_code == 303
    for address in ("/", prompt, f"{prompt}/versions/1", f"{prompt}/compare", "/deleted"):
        answer = client.get(address, auth=rae)
        assert answer.status_code == 200
        for words_ in ("/new", "/edit", "/rename", '/delete"', "/revert"):
            assert words_ not in answer.text, address
    for address in ("/new", f"{prompt}/edit", f"{prompt}/rename", f"{prompt}/delete", f"{prompt}/versions/1/revert"):
        assert client.get(address, auth=rae).status_code == 403
    answer = client.post(f"{prompt}/edit", data=form, auth=rae)
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert client.get(f"/api{prompt}", auth=rae).json["version_number"] == 2


def test_who_has_a_token_is_author_and_committer(
    client: FlaskClient, prompt: str, tmp_path: Path, repository: Path
) -> None:
    """Nobody writes in somebody else's name."""
    rae = token(tmp_path, Scope.WRITE)
    form = fields(client.get(f"{prompt}/edit", auth=rae).text)
    assert "author.name" not in form
    form |= {"content": "three", "author.name": "Somebody else"}
    assert client.post(f"{prompt}/edit", data=form, auth=rae).status_code == 303
    assert git_text(repository, "log", "-1", "--format=%an, %cn", "main") == "rae, rae"
