"""Labels on the pages: seen where they point, moved by forms with a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.settings import Settings
from tests.pages import fields, newest, page_of, save, send, submit, told, words
from tests.support import git_text
from tests.test_api_prompts import create
from tests.test_pages_signing import csrf_of, sign_in


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(data=tmp_path / "data", lock_timeout=0.2, protected_labels="production")
    return create_app(settings).test_client()


@pytest.fixture
def page(client: FlaskClient) -> str:
    """A prompt of three versions; `production` points at the first, `free` at the second."""
    create(client, "a", "All in one line: two\n")
    save(client, "a", "All in one line: three\n", "Three")
    save(client, "a", "All in one line: four\n", "Four")
    for label, number in (("production", 1), ("free", 2)):
        client.put(f"/api{page_of('a')}/labels/{label}", json={"version_number": number, "description": f"Why {label}"})
    return page_of("a")


def part(text: str, of: str) -> str:
    """A part of a page, by its class."""
    found = re.search(rf'<(\w+) class="{of}".*?</\1>', text, re.S)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", found[0]))


def test_labels_are_seen_where_they_point(client: FlaskClient, page: str) -> None:
    """In the list, on the prompt's page, in its history, and on the version's page."""
    assert "production v1" in words(client.get("/"))
    text = client.get(page).text
    labels = part(text, "labels")
    assert re.search(r"free → version 2 .*production → version 1 ", labels)
    entries = re.findall(r'<li id="v(\d)">(.*?)</li>', text, re.S)
    assert [(number, re.findall(r'class="label" href="([^"]*)"', entry)) for number, entry in entries] == [
        ("3", []),
        ("2", [f"{page}/labels/free"]),
        ("1", [f"{page}/labels/production"]),
    ]
    assert f'href="{page}/labels/production"' in client.get(f"{page}/versions/1").text
    assert f'href="{page}/labels/' not in client.get(f"{page}/versions/3").text


def test_a_label_is_moved_with_a_reason(client: FlaskClient, page: str, tmp_path: Path) -> None:
    answer = send(
        client, f"{page}/point?label=free", version_number="3", description="Better", **{"author.name": "Ada"}
    )
    assert told(client, answer) == "free now points at version 3."
    assert newest(client, "a")["labels"] == {"free": 3, "production": 1}
    assert git_text(tmp_path / "data" / "prompts.git", "log", "-1", "--format=%an: %B", "main") == "Ada: Better"


def test_a_label_is_made(client: FlaskClient, page: str) -> None:
    """The form proposes the version that it was opened on, or the newest."""
    assert fields(client.get(f"{page}/point").text)["version_number"] == "3"
    answer = send(client, f"{page}/point?version=2", label="staging")
    assert told(client, answer) == "staging now points at version 2."


@pytest.mark.parametrize(
    ("form", "status", "field"),
    [
        ({"label": "No Label"}, 422, "label"),
        ({"label": "latest"}, 422, "label"),
        ({"version_number": "9"}, 404, "version_number"),
        ({"version_number": "x"}, 404, "version_number"),
        ({"description": "\0"}, 422, "description"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    client: FlaskClient, page: str, form: dict[str, str], status: int, field: str
) -> None:
    sent = {"label": "staging", "version_number": "2", "description": "Long reasons"} | form
    answer = send(client, f"{page}/point", **sent)
    assert answer.status_code == status
    assert f'id="error-{field}"' in answer.text
    shown = fields(answer.text)
    assert {name: shown[name] for name in ("label", "version_number")} == {
        name: sent[name] for name in ("label", "version_number")
    }
    assert newest(client, "a")["labels"] == {"free": 2, "production": 1}


def test_a_move_that_somebody_else_was_faster_with_is_told(client: FlaskClient, page: str) -> None:
    """Nothing is moved; what was sent can be sent again. A form that is sent twice is no such thing."""
    form = fields(client.get(f"{page}/point?label=free").text) | {"version_number": "1"}
    client.put(f"/api{page}/labels/free", json={"version_number": 3})
    answer = submit(client, f"{page}/point", form)
    assert answer.status_code == 412
    assert "free points at version 3, other than this page has shown" in words(answer)
    assert newest(client, "a")["labels"]["free"] == 3
    for _ in range(2):
        assert told(client, submit(client, f"{page}/point", fields(answer.text))) == "free now points at version 1."
    new = send(client, f"{page}/point", label="production")
    assert new.status_code == 412, "nobody moves a label whose place they have not seen"


def test_a_labels_page_shows_its_moves_and_what_the_next_would_change(client: FlaskClient, page: str) -> None:
    client.put(f"/api{page}/labels/production", json={"version_number": 2, "description": "Better"})
    answer = client.get(f"{page}/labels/production")
    assert "from version 2 to the newest, version 3" in words(answer)
    assert (re.findall("<del>(.*?)</del>", answer.text), re.findall("<ins>(.*?)</ins>", answer.text)) == (
        ["three"],
        ["four"],
    )
    moves = words(answer)[words(answer).index("2 moves") :]
    assert re.search(r"1 → ?to 2 Better promptgit · just now.*nowhere → ?to 1 Why production", moves)
    client.put(f"/api{page}/labels/production", json={"version_number": 3})
    assert "Nothing: it points at the newest version." in words(client.get(f"{page}/labels/production"))
    assert client.get(f"{page}/labels/nothing").status_code == 404
    assert client.get(f"{page}/labels/latest").status_code == 404


def test_a_label_is_removed_after_a_question(client: FlaskClient, page: str) -> None:
    assert "Programs that ask for it will be refused" in words(client.get(f"{page}/labels/free/remove"))
    assert newest(client, "a")["labels"] == {"free": 2, "production": 1}
    form = fields(client.get(f"{page}/labels/free/remove").text)
    client.put(f"/api{page}/labels/free", json={"version_number": 3})
    assert submit(client, f"{page}/labels/free/remove", form).status_code == 412
    answer = send(client, f"{page}/labels/free/remove", description="Done with")
    assert told(client, answer) == "Removed the label free."
    assert newest(client, "a")["labels"] == {"production": 1}
    gone = client.get(f"{page}/labels/free")
    assert "points nowhere now" in words(gone) and "Done with" in words(gone)
    assert client.get(f"{page}/labels/free/remove").status_code == 404


def test_a_deleted_prompts_label_has_a_history_and_no_buttons(client: FlaskClient, page: str) -> None:
    client.delete(f"/api{page}")
    answer = client.get(f"{page}/labels/production")
    assert answer.status_code == 200
    assert "/point" not in answer.text
    assert client.get(f"{page}/point").status_code == 410
    assert 'class="labels"' not in client.get(page).text


def test_a_protected_label_has_no_buttons_for_who_may_not_move_it(
    client: FlaskClient, page: str, tmp_path: Path
) -> None:
    """And the server refuses them anyway, in words; what stands in the form is kept."""
    tokens = Tokens(tmp_path / "data")
    sign_in(client, tokens.create("writer", Scope.WRITE)[1])
    text = client.get(page).text
    assert f"{page}/point?label=free" in text
    for refused in (f"{page}/point?label=production", f"{page}/labels/production/remove", f"{page}/delete"):
        assert refused not in text
        assert client.get(refused).status_code == 403
    assert "/point" not in client.get(f"{page}/labels/production").text
    answer = send(client, f"{page}/point", label="production", pointed="1", version_number="3", description="Why not")
    assert (answer.status_code, "--may-move production" in words(answer)) == (403, True)
    assert fields(answer.text)["description"] == "Why not"
    form = {"csrf_token": csrf_of(client.get(page)), "name": "a", "pointed": "1"}
    form["commit"] = fields(client.get(f"{page}/edit").text)["commit"]
    assert client.post(f"{page}/labels/production/remove", data=form).status_code == 403
    assert client.post(f"{page}/delete", data=form).status_code == 403
    assert "→ version 1" in part(client.get(page).text, "labels").partition("production")[2]


def test_who_may_move_a_protected_label_does(client: FlaskClient, page: str, tmp_path: Path) -> None:
    sign_in(client, Tokens(tmp_path / "data").create("mover", Scope.WRITE, may_move=["production"])[1])
    assert f"{page}/delete" in client.get(page).text
    answer = send(client, f"{page}/point?label=production", version_number="3")
    assert told(client, answer) == "production now points at version 3."


def test_who_may_only_read_sees_labels_and_no_buttons(client: FlaskClient, page: str, tmp_path: Path) -> None:
    sign_in(client, Tokens(tmp_path / "data").create("reader", Scope.READ)[1])
    for address in (page, f"{page}/labels/free", f"{page}/versions/2"):
        text = client.get(address).text
        assert "free" in text
        assert "/point" not in text and "/remove" not in text
    for address in (f"{page}/point", f"{page}/labels/free/remove"):
        assert client.get(address).status_code == 403
        assert client.post(address, data={"csrf_token": csrf_of(client.get(page))}).status_code == 403
