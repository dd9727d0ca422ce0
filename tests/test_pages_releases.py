"""Releases on the pages: listed, looked at, approved and made by forms; and what a gate forbids is not offered."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.auth.tokens import Scope
from tests.pages import BROWSER, fields, send, submit, told, words
from tests.support import foreign_commit
from tests.test_pages_signing import sign_in
from tests.test_releases import RULES, Team


class Pages(Team):
    """The same team at browsers, each with a session of their own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.rule()
        self.page = f"/prompts/{self.prompt}"

    def at(self, who: str) -> FlaskClient:
        """A browser in which somebody is signed in."""
        client = self.client.application.test_client()
        assert sign_in(client, self.headers[who]["Authorization"].removeprefix("Bearer ")).status_code == 303
        return client

    def released(self, number: int) -> int:
        """A release of version *number* that was made."""
        made = self.open(number)
        self.check(number)
        self.ok("post", f"/api/releases/{made}/approve", "bob", description="Read it")
        self.ok("post", f"/api/releases/{made}/release", "bob")
        return made


@pytest.fixture
def team(tmp_path: Path) -> Pages:
    return Pages(tmp_path / "data")


def steps(answer: TestResponse) -> list[str]:
    """The steps that a release's page offers."""
    return re.findall(r'<a class="button[^"]*" href="/releases/\d+/(\w+)"', answer.text)


def numbers(answer: TestResponse) -> list[int]:
    return [int(one) for one in re.findall(r'<a class="name" href="/releases/(\d+)"', answer.text)]


def test_the_list_has_those_that_wait_first(team: Pages) -> None:
    """Ready, open, outdated, closed; each says what it lacks; filtered by label and state."""
    team.rule(RULES.replace('checks = ["eval"]', ""))
    outdated, made, waiting, ready = (team.open(number) for number in (2, 2, 3, 3))
    team.ok("post", f"/api/releases/{made}/approve", "bob")
    team.ok("post", f"/api/releases/{made}/release", "bob")
    team.ok("post", f"/api/releases/{waiting}/reject", "bob")
    waiting, ready = team.open(3), team.open(3)
    team.ok("post", f"/api/releases/{ready}/approve", "bob")
    page = team.at("admin").get(f"/releases/{ready}")
    assert steps(page)[:2] == ["approve", "release"], "one more approval is possible, and the release is the next step"
    assert re.findall(r'<a class="button primary" href="/releases/\d+/(\w+)"', page.text) == ["release"]
    client = team.at("ada")
    page = client.get("/releases")
    assert numbers(page)[:2] == [ready, waiting]
    assert numbers(page)[-2:] == [3, made]
    assert outdated in numbers(page)[2:-2]
    assert "Lacks 1 approval" in words(page) and "support/greeting v2 →to v3" in words(page)
    assert numbers(client.get("/releases?state=ready")) == [ready]
    assert numbers(client.get("/releases?state=released&label=production")) == [made]
    assert "No such releases" in words(client.get("/releases?label=other"))
    assert 'href="/releases"' in client.get("/").text


def test_a_long_list_has_pages(team: Pages) -> None:
    for _ in range(30):
        team.ok("post", f"/api/releases/{team.open(2)}/withdraw", "writer")
        team.open(2)
    client = team.at("ada")
    first = client.get("/releases")
    second = client.get(re.search(r'href="(/releases\?[^"]*)">More<', first.text)[1])
    assert len(numbers(first)) == 50 and len(set(numbers(first) + numbers(second))) == 60
    assert all(number % 2 == 0 for number in numbers(first)[:30])


def test_the_whole_way_on_pages(team: Pages) -> None:
    """Proposed where the version is, approved and released by somebody else, rolled back with a reason."""
    team.released(1)
    ada, bob = team.at("ada"), team.at("bob")
    form = f"{team.page}/versions/3/propose?label=production"
    for address in (team.page, f"{team.page}/versions/3", f"{team.page}/labels/production"):
        assert form in ada.get(address).text
    assert "text 3" in words(ada.get(form)) or "<ins>3</ins>" in ada.get(form).text
    answer = send(ada, form, description="Shorter")
    assert told(ada, answer) == "Opened release 2."
    page = ada.get("/releases/2")
    assert "You have opened this release, so somebody else has to approve it." in words(page)
    assert steps(page) == ["reject", "withdraw"]
    assert "1 approval" in words(page) and "was not reported" in words(page) and "<ins>3</ins>" in page.text
    team.ok(
        "put",
        f"/api/prompts/{team.prompt}/versions/3/checks/eval",
        "ci",
        state="success",
        summary="48 of 50",
        url="https://ci.example.org/1",
    )
    assert steps(bob.get("/releases/2")) == ["approve", "reject"]
    assert told(bob, send(bob, "/releases/2/approve", description="Read it")) == "Approved release 2."
    page = bob.get("/releases/2")
    assert steps(page) == ["release", "reject"]
    assert '<a href="https://ci.example.org/1" rel="noopener noreferrer">' in page.text
    assert "bob (bob@example.org)" in words(page) and "Read it" in words(page) and "48 of 50" in words(page)
    made = bob.get("/releases/2/release")
    assert "Make release 2 to production" in words(made) and 'placeholder="Release 2 to production"' in made.text
    assert told(bob, send(bob, "/releases/2/release")) == "production points at what release 2 ships."
    assert team.label() == 3
    assert steps(bob.get("/releases/2")) == ["rollback"]
    assert send(bob, "/releases/2/rollback").status_code == 422
    assert told(bob, send(bob, "/releases/2/rollback", description="Worse")) == "Rolled back, as release 3."
    assert "It takes back release 2" in words(bob.get("/releases/3"))
    after = bob.get("/releases/2")
    assert "It was rolled back by release 3" in words(after)
    assert steps(after) == [] and "It cannot be rolled back" in words(after)


def test_who_wrote_a_version_is_told_that_somebody_else_approves(team: Pages) -> None:
    team.open(2)
    page = team.at("ada").get("/releases/1")
    assert "You have written or stored version 1 of support/greeting, so somebody else" in words(page)
    assert "approve" not in steps(page)
    assert "You may not move production" in words(team.at("writer").get("/releases/1"))
    team.join("reader", Scope.READ)
    page = team.at("reader").get("/releases/1")
    assert page.status_code == 200 and steps(page) == []
    answer = team.at("ada").get("/releases/1/approve", headers=BROWSER)
    assert answer.status_code == 403 and "Ask somebody else" in words(answer)


def test_an_approval_that_does_not_count_is_marked(team: Pages) -> None:
    number = team.open(2)
    carol = team.join("carol", may_move=["production"])
    team.ok("post", f"/api/releases/{number}/approve", "carol", description="Fine")
    assert "does not count" not in words(team.at("bob").get("/releases/1"))
    team.tokens.revoke(carol)
    assert "does not count" in words(team.at("bob").get("/releases/1"))


def test_the_last_approval_releases_by_itself(team: Pages) -> None:
    team.check(2)
    writer, bob = team.at("writer"), team.at("bob")
    send(writer, f"{team.page}/versions/2/propose?label=production", description="x", when_ready="1")
    message = told(bob, send(bob, "/releases/1/approve"))
    assert message == "Approved release 1. That was the last thing it lacked: production points at what it ships."
    assert team.label() == 2


def test_what_was_typed_is_kept_where_a_step_is_refused(team: Pages) -> None:
    """Between the look and the sending the release has changed; a form that is sent twice is no refusal."""
    number = team.open(2)
    team.check()
    bob = team.at("bob")
    approve, reject = (fields(bob.get(f"/releases/{number}/{step}").text) for step in ("approve", "reject"))
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    release = fields(bob.get(f"/releases/{number}/release").text)
    team.check(state="failure")
    answer = submit(bob, f"/releases/{number}/release", release | {"description": "Now or never"})
    assert answer.status_code == 409 and "is not ready" in words(answer) and "has failed" in words(answer)
    assert fields(answer.text)["description"] == "Now or never"
    for _ in range(2):
        assert told(bob, submit(bob, f"/releases/{number}/reject", reject)) == "Rejected release 1."
    answer = submit(bob, f"/releases/{number}/approve", approve | {"description": "Read"})
    assert answer.status_code == 409 and fields(answer.text)["description"] == "Read"
    assert submit(bob, f"/releases/{number}/approve", {"description": "x"}).status_code == 400  # not from our page
    assert bob.get("/releases/99", headers=BROWSER).status_code == 404
    assert bob.get("/releases/x/approve", headers=BROWSER).status_code == 404


def test_many_prompts_are_proposed_after_a_look(team: Pages) -> None:
    other = team.create("support/other", "ada")
    for prompt, number in ((team.prompt, 3), (other, 1)):
        team.ok("put", f"/api/prompts/{prompt}/labels/staging", "ada", version_number=number)
    client = team.at("writer")
    address = "/releases/new?label=production&from=staging&prefix=support/"
    page = client.get(address)
    assert "2 prompts" in words(page) and "nowhere →to v3" in words(page) and "+1 −0" in words(page)
    form = fields(page.text)
    answer = submit(client, "/releases/new", form | {"when_ready": "1"})
    assert answer.status_code == 422 and 'id="error-description"' in answer.text
    answer = submit(client, "/releases/new", form | {"description": "All of it"})
    assert told(client, answer) == "Opened release 1."
    assert len(team.ok("get", "/api/releases/1", "ada")["items"]) == 2
    assert "needs no release" in words(client.get("/releases/new?label=free&from=latest"))
    assert "the prompts are 0 that would move" in words(client.get("/releases/new?label=staging&from=staging"))
    assert "nowhere" not in words(client.get("/releases/new"))
    assert client.get("/releases/new?label=production&from=No+label").status_code == 200


def test_a_promotion_to_a_gated_label_leads_to_a_release(team: Pages) -> None:
    team.ok("put", f"/api/prompts/{team.prompt}/labels/staging", "ada", version_number=3)
    client = team.at("ada")
    page = client.get("/promote?label=production&from=staging&prefix=support/")
    found = re.search(r'href="(/releases/new[^"]*)">Propose them in a release<', page.text)
    assert found and "What would move" in words(client.get(html.unescape(found[1])))


def test_checks_are_seen_where_the_version_is(team: Pages) -> None:
    team.ok(
        "put",
        f"/api/prompts/{team.prompt}/versions/2/checks/eval",
        "ci",
        state="failure",
        summary="<b>3 of 50</b>",
        url="https://ci.example.org/2",
    )
    client = team.at("writer")
    assert "✗ eval failed" in words(client.get(team.page))
    page = client.get(f"{team.page}/versions/2")
    assert "✗ eval failed &lt;b&gt;3 of 50" in words(page) and "ci · just now" in words(page)
    assert 'href="https://ci.example.org/2" rel="noopener noreferrer"' in page.text


def test_a_prompts_page_shows_gates_and_open_releases(team: Pages) -> None:
    team.released(1)
    team.open(2)
    text = words(team.at("ada").get(team.page))
    assert "gated" in text and "Open releases" in text and "Release 2 open" in text
    assert "Lacks 1 approval" in text


def test_what_the_gate_forbids_is_not_offered(team: Pages) -> None:
    """And refused in words to who asks nevertheless, with what they typed."""
    team.released(1)
    ada = team.at("ada")
    forms = ("/rename", "/delete", "/point?label=production", "/labels/production/remove")
    text = ada.get(team.page).text + ada.get(f"{team.page}/labels/production").text
    for form in forms:
        assert f"{team.page}{form}" not in text
        answer = ada.get(team.page + form, headers=BROWSER)
        assert answer.status_code == 403 and "gated by rules.toml" in words(answer)
    answer = send(ada, f"{team.page}/point", label="production", pointed="1", version_number="3", description="Why")
    assert answer.status_code == 403 and "gated by rules.toml" in words(answer)
    assert fields(answer.text)["description"] == "Why" and 'name="override"' not in answer.text
    assert team.label() == 1


def test_an_administrator_overrides_with_a_reason(team: Pages) -> None:
    team.released(1)
    admin = team.at("admin")
    page = admin.get(team.page).text
    for address in ("/rename", "/delete", "/point?label=production"):
        assert f"{team.page}{address}" in page
        assert "This goes around the gate." in words(admin.get(team.page + address))
    form = fields(admin.get(f"{team.page}/point?label=production").text)
    form |= {"version_number": "3"}
    assert submit(admin, f"{team.page}/point", form | {"description": "x"}).status_code == 403
    form |= {"override": "1"}
    answer = submit(admin, f"{team.page}/point", form)
    assert answer.status_code == 422 and 'id="error-description"' in answer.text and " checked" in answer.text
    answer = submit(admin, f"{team.page}/point", form | {"description": "On fire"})
    assert told(admin, answer) == "production now points at version 3."
    page = words(admin.get("/releases/2"))
    assert "overridden" in page and "Overrode the gate" in page and "On fire" in page
    answer = send(admin, f"{team.page}/delete", name="support/greeting", description="Gone", override="1")
    assert told(admin, answer).startswith("Deleted")
    assert "The label was removed." in words(admin.get("/releases/3"))


def test_a_free_label_moves_on_the_override_form_of_a_gated_prompt(team: Pages) -> None:
    admin = team.at("admin")
    answer = send(admin, f"{team.page}/point?label=staging", version_number="2")
    assert told(admin, answer) == "staging now points at version 2."


def test_without_tokens_releases_are_read_and_nobody_approves(client: FlaskClient, repository: Path) -> None:
    made = client.post("/api/prompts", json={"name": "a", "content": "1"}).json["id"]
    assert "No releases yet" in words(client.get("/releases"))
    foreign_commit(repository, {"rules.toml": b"[labels.production]\n"}, "Rules")
    answer = send(client, f"/prompts/{made}/versions/1/propose?label=production", description="x")
    assert told(client, answer) == "Opened release 1."
    page = client.get("/releases/1")
    assert "nobody can approve" in words(page) and steps(page) == ["reject", "withdraw"]
