"""What the client sends again, how often, and when; and that doing so never does anything twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promptgit import errors
from promptgit.client import Author, Client, Retries, ServerAway
from tests.clients import Forgetful, Naps, answering
from tests.support import Server

BUSY = {"status": 503, "code": "write_lock_timeout", "detail": "Another writer held the write lock."}
ADA = Author("Ada L.", "ada@example.org")


@pytest.fixture
def url(shared: Server) -> str:
    return shared.url


@pytest.fixture
def naps() -> Naps:
    return Naps()


def test_a_busy_server_is_asked_again_when_it_says(naps: Naps) -> None:
    answers = [(503, {"Retry-After": "2"}, BUSY), (503, {}, BUSY), (200, {}, [])]
    with answering(answers) as (url, asked), Client(url, clock=naps, sleep=naps.sleep) as client:
        assert list(client.list()) == []
    assert len(asked) == 3
    first, second = naps.taken
    assert 2 < first <= 2.15
    assert 0.1 <= second <= 0.3


def test_it_gives_up_after_some_attempts_with_the_servers_words(naps: Naps) -> None:
    with answering([(503, {}, BUSY)]) as (url, asked), Client(url, clock=naps, sleep=naps.sleep) as client:
        with pytest.raises(errors.LockTimeout, match="held the write lock"):
            client.create("a", "x")
        assert len(asked) == 4


def test_it_gives_up_at_once_where_the_wait_would_be_too_long(naps: Naps) -> None:
    options = {"clock": naps, "sleep": naps.sleep, "retries": Retries(seconds=5)}
    with answering([(503, {"Retry-After": "6"}, BUSY)]) as (url, asked), Client(url, **options) as client:
        with pytest.raises(errors.Unavailable):
            list(client.list())
        assert (len(asked), naps.taken) == (1, [])


@pytest.mark.parametrize("after", ["soon", "Fri, 31 Dec 1999 23:59:59 GMT", "-1", "1e9", "²"])
def test_a_pause_that_cannot_be_read_is_none(naps: Naps, after: str) -> None:
    answers = [(503, {"Retry-After": after.encode().decode("latin-1")}, BUSY), (200, {}, [])]
    with answering(answers) as (url, _), Client(url, clock=naps, sleep=naps.sleep) as client:
        assert list(client.list()) == []
    assert naps.now < 1


@pytest.mark.parametrize("status", [400, 404, 409, 412, 422, 500, 507])
def test_a_refusal_is_not_sent_again(naps: Naps, status: int) -> None:
    problem = {"status": status, "code": "whatever", "detail": "No."}
    with answering([(status, {}, problem)]) as (url, asked), Client(url, clock=naps, sleep=naps.sleep) as client:
        with pytest.raises(errors.PromptgitError, match="No"):
            client.create("a", "x")
        assert len(asked) == 1


def test_where_nobody_listens_is_told_after_some_attempts(naps: Naps) -> None:
    with Client("http://127.0.0.1:1", clock=naps, sleep=naps.sleep) as client, pytest.raises(ServerAway) as away:
        client.get("a")
    assert not away.value.sent
    assert len(naps.taken) == 3


def test_a_create_whose_answer_was_lost_is_found(url: str, naps: Naps) -> None:
    """The second attempt gets 409, because the first one did its work."""
    for name in ("retries/created", None):
        with Client(url, transport=Forgetful("POST"), sleep=naps.sleep) as client:
            prompt = client.create(name, "x", author=ADA)
            assert (prompt.version_number, prompt.content, prompt.author) == (1, "x", ADA)
            assert len(list(client.versions(prompt.id))) == 1
            assert len(naps.taken) > 0
    with Client(url) as client:
        assert len([prompt for prompt in client.list() if prompt.author == ADA]) == 2


def test_a_create_that_somebody_else_was_faster_with_is_refused(url: str, naps: Naps) -> None:
    with Client(url) as other:
        other.create("retries/taken", "theirs")
    with Client(url, transport=Forgetful("POST"), sleep=naps.sleep) as client, pytest.raises(errors.NameTaken):
        client.create("retries/taken", "mine")


def test_a_save_whose_answer_was_lost_makes_one_version(url: str, naps: Naps) -> None:
    """With If-Match the second attempt gets 412, because of the version that the first one made."""
    for if_match in (None, 2):
        with Client(url, transport=Forgetful("PUT"), sleep=naps.sleep) as client:
            if if_match is None:
                client.create("retries/saved", "1")
            saved = client.save("retries/saved", f"after {if_match}", if_match=if_match)
            assert saved.version_number == (if_match or 1) + 1
    with Client(url) as client:
        assert len(list(client.versions("retries/saved"))) == 3


def test_a_save_after_somebody_elses_is_refused_also_when_an_answer_was_lost(url: str, naps: Naps) -> None:
    with Client(url, transport=Forgetful("PUT"), sleep=naps.sleep) as client:
        client.create("retries/stale", "1")
        with Client(url) as other:
            other.save("retries/stale", "theirs")
        with pytest.raises(errors.StaleVersion):
            client.save("retries/stale", "mine", if_match=1)


def test_a_write_whose_answer_was_lost_is_not_repeated_over_somebody_elses(url: str) -> None:
    """What others write between the attempts stays; the answer is the one that was lost."""
    with Client(url) as other:
        prompt_id = other.create("retries/others", "1").id

        def forgetful(method: str, write: Callable[[], object]) -> Client:
            return Client(url, transport=Forgetful(method), sleep=lambda _: write())

        with forgetful("PUT", lambda: other.save("retries/others", "theirs")) as client:
            assert client.save("retries/others", "mine").version_number == 2
        with forgetful("PUT", lambda: other.set_label("retries/others", "production", 3)) as client:
            assert client.set_label("retries/others", "production", 2).version_number == 2
        with forgetful("POST", lambda: other.save("retries/others", "theirs again")) as client:
            assert client.revert("retries/others", 1) == 4
        with forgetful("PATCH", lambda: other.rename("retries/new", "retries/newer")) as client:
            assert client.rename("retries/others", "retries/new").name == "retries/new"
        with forgetful("DELETE", lambda: other.revert(prompt_id, 1)) as client:
            client.delete("retries/newer")
        with forgetful("POST", lambda: other.rename("retries/mine", "retries/theirs")) as client:
            assert client.create("retries/mine", "x").name == "retries/mine"
        newest = other.get("retries/newer")
        assert (newest.content, newest.version_number, newest.labels) == ("1", 6, {})
        assert [move.after for move in other.label_history("retries/newer", "production")] == [2, 3, None]
        assert [prompt.name for prompt in other.list(prefix="retries/mine")] == []


def test_every_other_write_whose_answer_was_lost_is_done_once(url: str, naps: Naps) -> None:
    def forgetful(method: str) -> Client:
        return Client(url, transport=Forgetful(method), sleep=naps.sleep)

    with Client(url) as client:
        client.create("retries/a", "1")
        client.save("retries/a", "2")
    with forgetful("PUT") as client:
        client.set_label("retries/a", "production", 1)
        assert len(client.label_history("retries/a", "production")) == 1
    with forgetful("DELETE") as client:
        client.remove_label("retries/a", "production")
        assert len(client.label_history("retries/a", "production")) == 2
    with forgetful("PATCH") as client:
        assert client.rename("retries/a", "retries/b", if_match=2).name == "retries/b"
    with forgetful("POST") as client:
        assert client.revert("retries/b", 1, if_match=2) == 3
        assert len(list(client.versions("retries/b"))) == 3
    with forgetful("DELETE") as client:
        client.delete("retries/b", if_match=3)
    assert len(naps.taken) == 5
