"""Whom the provider lets in no more, or an administrator has ended, is out, whatever goes wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from promptgit.auth.people import People
from promptgit.auth.people_file import PeopleFile
from promptgit.auth.tokens import Scope, Tokens
from promptgit.errors import StorageFull
from tests.providers import Provider, Site, sign_in, through
from tests.test_accounts import HOUR, is_in
from tests.test_personal_tokens import made, secret_in
from tests.test_tokens import bearer


def test_whom_the_provider_lets_in_no_more_is_out_at_once_where_it_said_so(
    site: Site, provider: Provider, ada: FlaskClient
) -> None:
    """Whoever tries another browser is asked about in the first one, too."""
    provider.claims["groups"] = []
    assert sign_in(site.browser()).status_code == 403
    assert not is_in(ada)
    provider.reset(refreshes=False)
    assert sign_in(ada).status_code == 303
    provider.claims["groups"] = []
    assert sign_in(site.browser()).status_code == 403
    assert ada.post("/new", data={"name": "a", "content": "Hello"}).status_code == 401
    provider.reset(refreshes=False)
    assert through(ada, ada.get("/").headers["Location"]).status_code == 303, "let in again in the meantime"
    assert is_in(ada)


@pytest.mark.parametrize("writes", [2, 3])
def test_a_full_disk_keeps_nobody_in(
    site: Site, provider: Provider, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Who has lost the role is out as soon as the provider was asked, whatever cannot be written then."""
    provider.claims["groups"] = []
    site.clock.ahead += HOUR  # the use is noted then, and that the provider is asked
    write, left = PeopleFile.write, [writes]

    def until_full(file: PeopleFile, change: Callable[[sqlite3.Connection], Any]) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise StorageFull
        return write(file, change)

    monkeypatch.setattr(PeopleFile, "write", until_full)
    assert not is_in(ada)
    assert not is_in(ada)
    assert sign_in(site.browser()).status_code == 403


def test_a_session_from_the_future_has_ended(site: Site, provider: Provider, ada: FlaskClient) -> None:
    """A clock that was put back makes no session longer."""
    site.clock.ahead = -60
    assert is_in(ada)
    site.clock.ahead = -70
    assert not is_in(ada)


def test_what_was_approved_with_a_token_of_somebody_who_was_ended_does_not_count(
    site: Site, provider: Provider, ada: FlaskClient
) -> None:
    """Also where the token itself stays: its file is distributed, or could not be written."""
    folder = site.settings.data
    admin, hers = (
        bearer(Tokens(folder).create("boss", Scope.ADMIN)[1]),
        bearer(secret_in(made(ada, may_move="production"))),
    )
    api = site.app.test_client()
    rules = '[labels."production"]\napprovals = 1\n'
    assert api.put("/api/rules", json={"content": rules}, headers=admin | {"If-None-Match": "*"}).status_code == 200
    prompt: Any = api.post("/api/prompts", json={"name": "a", "content": "1"}, headers=admin).json
    items = [{"prompt_id": prompt["id"], "version_number": 1}]
    body = {"label": "production", "items": items, "description": "Ship"}
    assert api.post("/api/releases", json=body, headers=admin).status_code == 201
    approved: Any = api.post("/api/releases/1/approve", headers=hers).json
    assert approved["state"] == "ready"
    People(folder).end_all("ada@example.org")
    assert api.get("/api/releases/1", headers=hers).status_code == 401
    after: Any = api.get("/api/releases/1", headers=admin).json
    assert (after["state"], after["missing"]) == ("open", ["1 approval"])
