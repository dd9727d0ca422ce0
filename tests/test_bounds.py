"""Numbers and times that no version, release or commit has are answered, however many digits they have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.settings import Settings
from tests.test_releases import Team
from tests.test_releases import team as team

HUGE = str(10**30)
LONG = "9" * 5_000  # more than Python makes a number of


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TestResponse]:
    """Reads an address of one service, without tokens, in which ID stands for the id of a prompt."""
    made = Team(tmp_path_factory.mktemp("data"))
    made.rule()
    made.ok("put", f"/api/prompts/{made.prompt}/labels/staging", "ada", version_number=1)
    anybody = create_app(Settings(data=made.folder, auth="off")).test_client()
    return lambda path: anybody.get(path.replace("ID", made.prompt))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/api/releases?after={HUGE}", 200),
        (f"/api/releases?after=-{HUGE}", 200),
        (f"/api/releases?after={LONG}", 422),
        (f"/api/releases/{HUGE}", 404),
        (f"/api/releases/{LONG}", 404),
        ("/api/releases/0", 404),
        ("/api/releases/01", 404),
        ("/api/releases/\u0663", 404),
        (f"/releases/{LONG}", 404),
        (f"/releases?after={LONG}", 200),
        (f"/releases?after={HUGE}", 200),
        (f"/api/prompts/ID/checks?after={HUGE}", 200),
        (f"/api/prompts/ID/checks?after=-{HUGE}&before={HUGE}", 200),
        (f"/api/prompts/ID/checks?before=-{HUGE}", 200),
        (f"/api/prompts/ID/versions/{LONG}/checks", 404),
        (f"/api/prompts/ID/versions/{LONG}/checks/eval", 404),
        (f"/api/prompts/ID/versions?after={HUGE}", 200),
        (f"/api/prompts/ID/diff?from=1&to={HUGE}", 404),
        (f"/api/changes?limit={HUGE}", 422),
        (f"/api/changes?wait={HUGE}", 422),
        (f"/prompts/ID?before={LONG}", 200),
        (f"/prompts/ID/point?label=staging&version={LONG}", 200),
        (f"/prompts/ID/point?label=staging&version={HUGE}", 200),
        (f"/prompts/ID/versions/{LONG}/propose?label=production", 404),
        (f"/api/public/v2/prompts/support%2Fgreeting?version={HUGE}", 400),
        (f"/api/public/v2/prompts?page={HUGE}", 400),
        ("/api/prompts?at=0001-01-01T00:00:00%2B14:00", 422),
        ("/api/prompts?at=0001-01-01T00:00:00Z", 404),
        ("/api/prompts?at=9999-12-31T23:59:59Z", 200),
        ("/api/prompts?at=9999-12-31T23:59:59-14:00", 422),
        ("/api/prompts/ID?at=0001-01-01T00:00:00%2B14:00", 422),
        ("/api/names/support/greeting?at=9999-12-31T23:59:60Z", 422),
        ("/?at=0001-01-01T00:00:00%2B14:00", 422),
        ("/prompts/ID?at=9999-12-31T23:59:59-14:00", 422),
    ],
)
def test_a_read_beyond_what_there_can_be(read: Callable[[str], TestResponse], path: str, status: int) -> None:
    answer = read(path)
    assert answer.status_code == status, answer.get_data(as_text=True)


@pytest.mark.parametrize("number", [0, -1, 4, 10**18, -(10**18), 10**30, -(10**30)])
def test_a_version_to_release_that_there_cannot_be(team: Team, number: int) -> None:
    items = [{"prompt_id": team.prompt, "version_number": number}]
    body = {"label": "production", "items": items, "description": "Beyond"}
    team.refused(404, "version_not_found", "post", "/api/releases", "writer", **body)


def test_checks_are_listed_between_any_two_numbers(team: Team) -> None:
    """Numbers before the first version and after the newest one bound nothing, and 0 is before the first."""
    team.check()
    where = f"/api/prompts/{team.prompt}/checks"

    def found(query: str) -> list[int]:
        return [one["version_number"] for one in team.ok("get", f"{where}?{query}", "ada")]

    assert found(f"after=-{HUGE}&before={HUGE}") == found("") == [2]
    assert found(f"after={HUGE}") == found(f"before=-{HUGE}") == found("before=0") == []
