"""The Python client against a real server: every verb, every error."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import promptgit
from promptgit import errors
from promptgit.client import (
    Author,
    Client,
    HttpError,
    Input,
    MissingVariable,
    Prompt,
    Retries,
    ServerAway,
    UnknownVariable,
)
from promptgit.client.errors import KINDS, refusal
from promptgit.http.api import problems
from tests.clients import Counted, answering
from tests.support import Server, environment, foreign_commit

ADA = Author("Ada L.", "ada@example.org")


@pytest.fixture
def url(shared: Server) -> str:
    return shared.url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def test_a_prompt_is_created_saved_and_got(client: Client) -> None:
    created = client.create("verbs/greeting", "Hello {{name}}", description="First", author=ADA)
    assert (created.name, created.version_number, created.content) == ("verbs/greeting", 1, "Hello {{name}}")
    assert (created.description, created.author) == ("First", ADA)
    saved = client.save("verbs/greeting", "Hi {{name}}!\r\n", author=ADA)
    assert (saved.version_number, saved.description) == (2, "Update verbs/greeting")
    assert client.save(saved.id, "Hi {{name}}!\r\n").version_number == 2
    assert client.get("verbs/greeting") == client.get(saved.id) == saved
    first = client.get("verbs/greeting", version=1)
    assert (first.content, first.commit, first.name) == ("Hello {{name}}", created.commit, "verbs/greeting")
    assert first.updated_at == created.updated_at
    assert first.updated_at.utcoffset() is not None


def test_without_a_name_a_prompt_gets_an_id(client: Client) -> None:
    prompt = client.create(None, "x")
    assert prompt.id == prompt.name
    assert client.get(prompt.id.upper()).content == "x"


def test_a_prompt_is_renamed_deleted_and_brought_back(client: Client) -> None:
    prompt = client.create("verbs/old", "1")
    client.save("verbs/old", "2")
    assert client.rename("verbs/old", "verbs/new").name == "verbs/new"
    with pytest.raises(errors.PromptNotFound, match="verbs/old"):
        client.get("verbs/old")
    with pytest.raises(errors.PromptNotFound):
        client.delete("verbs/old")
    assert client.get("verbs/new").id == prompt.id
    client.delete("verbs/new", description="Enough", author=ADA)
    client.delete(prompt.id)
    with pytest.raises(errors.PromptDeleted) as gone:
        client.get(prompt.id)
    assert gone.value.newest == 2
    assert client.version(prompt.id, 1).text == "1"
    assert client.revert(prompt.id, 1, description="Back", author=ADA) == 3
    assert client.get("verbs/new").content == "1"


def test_a_put_saves_or_creates(client: Client) -> None:
    made = client.put("verbs/put", "1", description="First", author=ADA)
    assert (made.version_number, made.description, made.author) == (1, "First", ADA)
    assert client.put("verbs/put", "2").version_number == 2
    assert client.get("verbs/put").content == "2"
    with pytest.raises(errors.PromptNotFound):
        client.put("verbs/../put", "3")


@pytest.mark.parametrize("status", [409, 410])
def test_a_proxys_refusal_is_no_broken_answer(status: int) -> None:
    """It is no problem document: neither a head that was lost nor a deleted prompt is read out of it."""
    answers = [(200, {"Promptgit-Head": f"1-{'a' * 40}"}, {"id": "x"}), (status, {}, None)]
    with answering(answers) as (url, _), Client(url) as client:
        assert client.find("a") == "x"
        with pytest.raises(HttpError):
            client.find("a")


def test_a_deleted_prompt_is_known_by_the_name_that_it_always_had(client: Client) -> None:
    prompt = client.create("verbs/deleted", "1")
    client.delete("verbs/deleted")
    with pytest.raises(errors.PromptDeleted):
        client.get("verbs/deleted")
    with pytest.raises(errors.PromptDeleted):
        client.save("verbs/deleted", "2")
    assert [version.prompt_id for version in client.versions("verbs/deleted")] == [prompt.id]
    assert client.revert("verbs/deleted", 1) == 2


def test_a_name_that_moved_to_another_prompt_means_that_one(client: Client) -> None:
    """The id that a name gives at first belongs to the prompt that was created so."""
    first = client.create("verbs/moved", "first")
    client.rename("verbs/moved", "verbs/elsewhere")
    second = client.create("verbs/other", "second")
    client.rename("verbs/other", "verbs/moved")
    assert client.get("verbs/moved").id == client.find("verbs/moved") == second.id
    client.delete(first.id)
    assert client.get("verbs/moved").content == "second"
    client.delete("verbs/moved")
    with pytest.raises(errors.PromptDeleted):
        client.get("verbs/moved")


def test_lists_and_histories_come_in_pages_by_themselves(client: Client) -> None:
    for number in range(7):
        client.create(f"pages/{number} é&+%", f"needle {number}")
    assert [prompt.name[6] for prompt in client.list(prefix="pages/", page=3)] == list("0123456")
    assert [prompt.content for prompt in client.list(q="needle 3", content=True)] == ["needle 3"]
    with pytest.raises(ValueError, match="content=True"):
        next(client.list(prefix="pages/")).content  # noqa: B018
    name = "pages/0 é&+%"
    for number in range(2, 8):
        client.save(name, str(number))
    assert [version.version_number for version in client.versions(name, page=2)] == [1, 2, 3, 4, 5, 6, 7]
    newest = client.versions(name, newest_first=True, before=5, after=1, page=2)
    assert [version.version_number for version in newest] == [4, 3, 2]


def test_labels_are_set_followed_and_removed(client: Client) -> None:
    for content in "123":
        client.save("verbs/labels", content) if content > "1" else client.create("verbs/labels", content)
    label = client.set_label("verbs/labels", "production", 2, description="Tested", author=ADA)
    assert (label.label, label.version_number, label.author) == ("production", 2, ADA)
    assert client.labels("verbs/labels") == [label]
    assert client.get("verbs/labels", label="production").content == "2"
    assert client.get("verbs/labels", label="latest").content == "3"
    assert [prompt.content for prompt in client.list(label="production", content=True)] == ["2"]
    client.set_label("verbs/labels", "production", 1)
    assert client.get("verbs/labels", label="production").content == "1"
    client.remove_label("verbs/labels", "production", description="No more")
    moves = client.label_history("verbs/labels", "production")
    assert [(move.before, move.after) for move in moves] == [(None, 2), (2, 1), (1, None)]
    with pytest.raises(errors.LabelNotFound):
        client.get("verbs/labels", label="production")


def test_a_difference_is_told(client: Client) -> None:
    client.create("verbs/diff", "a\nb\n")
    client.save("verbs/diff", "a\nc\nd\n")
    diff = client.diff("verbs/diff", 1, 2)
    assert (diff.additions, diff.deletions) == (2, 1)
    assert diff.text.endswith("@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n")


def test_who_wrote_each_line_is_told(client: Client) -> None:
    client.create("verbs/blame", "a\nb\n", author=Author("Ada", "ada@example.org"))
    client.save("verbs/blame", "a\nc\nd")
    first, second = client.blame("verbs/blame", 2)
    assert (first.lines, first.version_number, first.author.name) == (1, 1, "Ada")
    assert (second.lines, second.version_number) == (2, 2)
    assert second.timestamp == client.version("verbs/blame", 2).timestamp


def test_the_bytes_of_a_version_are_what_git_has(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, Client(server.url) as client:
        foreign_commit(tmp_path / "data" / "prompts.git", {"prompts/a.md": b"\xff\r\n"})
        assert client.content("a", 1) == b"\xff\r\n"
        assert client.get("a").content == "\ufffd\r\n"


def test_refusals_are_the_services_own_exceptions_with_its_words(client: Client) -> None:
    prompt = client.create("verbs/refusals", "1")
    client.save("verbs/refusals", "2")
    with pytest.raises(errors.StaleVersion, match="is at version 2") as stale:
        client.save("verbs/refusals", "3", if_match=1)
    assert (stale.value.current, stale.value.code) == (2, "stale_version")
    with pytest.raises(errors.NameTaken, match="taken") as taken:
        client.create("verbs/refusals", "x")
    assert taken.value.prompt_id == prompt.id
    with pytest.raises(errors.InvalidName, match="starts with '-'") as invalid:
        client.create("-x", "x")
    assert invalid.value.field == "name"
    with pytest.raises(errors.VersionNotFound, match="no version 7"):
        client.get("verbs/refusals", version=7)
    with pytest.raises(errors.Invalid):
        client.set_label("verbs/refusals", "Not a label", 1)
    for label in ("..", "a/../..", "."):
        with pytest.raises(errors.Invalid):
            client.remove_label("verbs/refusals", label)
        with pytest.raises(errors.LabelNotFound):
            client.label_history("verbs/refusals", label)
    with pytest.raises(ValueError, match="not both"):
        client.get("verbs/refusals", label="a", version=1)
    told = pickle.loads(pickle.dumps(stale.value))
    assert isinstance(told, errors.StaleVersion)
    assert (str(told), told.current) == (str(stale.value), 2)


@pytest.mark.parametrize(
    "kind", [kind for kind in problems.STATUS if kind.__module__.startswith(f"{errors.__name__}.")]
)
def test_every_code_has_its_exception(kind: type[errors.PromptgitError]) -> None:
    document = problems.document(problems.STATUS[kind], "What to do.", kind.code)
    error = refusal(problems.STATUS[kind], document)
    assert isinstance(error, kind)
    assert (type(error).__name__, str(error), error.code) == (kind.__name__, "What to do.", kind.code)
    assert KINDS[kind.code] is kind


def test_a_code_that_is_not_known_is_a_general_error() -> None:
    problem = {"status": 418, "code": "teapot", "detail": "Use coffee."}
    with answering([(418, {}, problem)]) as (url, _), Client(url) as client, pytest.raises(HttpError) as error:
        client.get("x")
    assert (error.value.status, error.value.code, str(error.value)) == (418, "teapot", "Use coffee.")


@pytest.mark.parametrize(("status", "kind"), [(400, HttpError), (302, HttpError), (502, ServerAway)])
def test_what_is_no_problem_document_is_told_too(status: int, kind: type[Exception]) -> None:
    """A proxy's page, for example."""
    error = refusal(status, b"<html>\nWhatever")
    assert type(error) is kind
    assert str(status) in str(error)


def test_an_address_is_needed(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.delenv("PROMPTGIT_URL", raising=False)
    with pytest.raises(ValueError, match="PROMPTGIT_URL"):
        Client()
    with pytest.raises(ValueError, match="no address"):
        Client("localhost:8000")
    monkeypatch.setenv("PROMPTGIT_URL", url + "/")
    with Client() as client:
        assert client.url == url


def test_the_token_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="The token"):
        Client("http://x", token="pgt_\n")
    monkeypatch.setenv("PROMPTGIT_TOKEN", "pgt_environment")
    for token, sent in ((None, "pgt_environment"), ("pgt_given", "pgt_given")):
        wire = Counted()
        with Client("http://127.0.0.1:1", token=token, transport=wire, retries=Retries(count=0)) as client:
            with pytest.raises(ServerAway):
                client.get("a")
            assert wire.tokens == [f"Bearer {sent}"]
            assert sent not in repr(client)


@pytest.mark.parametrize(
    ("content", "values", "filled"),
    [
        ("Hi {{name}}, {{ name }} and {{\tother }}!", {"name": "Ada", "other": 3}, "Hi Ada, Ada and 3!"),
        ("{{a}}", {"a": "{{b}}", "b": "never"}, "{{b}}"),
        ('{"a": {"b": 1}} {x} {{#if x}} {{1}} {{ }} {{a b}} {{a.b}}', {}, None),
        ("{{{a}}}", {"a": "\\1 \\g<0>"}, "{\\1 \\g<0>}"),
        ("{{größe}} {{self}}", {"größe": 1, "self": 2}, "1 2"),
        ("\r\n{{a}}\n\n", {"a": ""}, "\r\n\n\n"),
    ],
)
def test_variables_are_filled_and_all_else_stays(content: str, values: dict[str, object], filled: str | None) -> None:
    assert Prompt.fallback("x", content).compile(**values) == (content if filled is None else filled)


def test_a_missing_variable_is_named() -> None:
    prompt = Prompt.fallback("support/greeting", "{{a}} {{b}} {{c}} {{b}}")
    assert prompt.variables == ("a", "b", "c")
    with pytest.raises(MissingVariable, match="'support/greeting' needs a value for b, c"):
        prompt.compile(a=1)


def test_an_unknown_variable_is_named_if_that_is_asked_for() -> None:
    """A variable that is called `strict` gets its value in a mapping."""
    prompt = Prompt.fallback("support/greeting", "{{a}} {{strict}}")
    assert prompt.compile({"strict": 1, "a": 0}, a=2, b=3) == "2 1"
    with pytest.raises(UnknownVariable, match="'support/greeting' has no variable c, b") as refused:
        prompt.compile({"strict": 1, "c": 0}, a=2, b=3, strict=True)
    assert refused.value.unknown == ("c", "b")


def test_declared_variables_have_defaults(client: Client) -> None:
    """Of the version that was asked for; the front matter is none of the text that is filled in."""
    declared = (
        "name: {default: you, description: Whom}, tags: {default: [a, 1]}, tone: {required: false}, topic: , spare: "
    )
    header = f"---\ninput: {{{declared}}}\n---\n"
    prompt = client.create("declared/greeting", header + "Hi {{name}}{{tone}}: {{topic}}, {{tags}}\n")
    assert prompt.variables == ("name", "tone", "topic", "tags")
    assert prompt.inputs[:2] == (Input("name", "you", "Whom"), Input("tags", ["a", 1]))
    assert prompt.compile(topic="x", strict=True) == 'Hi you: x, ["a", 1]\n'
    assert prompt.compile(topic="x", name=None, tone="!", tags="", spare=1, strict=True) == "Hi None!: x, \n"
    with pytest.raises(MissingVariable, match="needs a value for topic"):
        prompt.compile()
    client.save(prompt.id, "Hi {{name}}")
    with pytest.raises(MissingVariable, match="needs a value for name"):
        client.get(prompt.id).compile()
    assert client.get(prompt.id, version=1) == prompt
    assert Prompt.of(prompt.json()) == prompt


def test_a_span_says_which_prompt_it_used(client: Client) -> None:
    client.create("spans/greeting", "1")
    saved = client.save("spans/greeting", "2")
    assert saved.attributes() == {"gen_ai.prompt.name": "spans/greeting", "gen_ai.prompt.version": "2"}
    assert client.get("spans/greeting", version=1).attributes()["gen_ai.prompt.version"] == "1"
    assert Prompt.fallback("a", "Hi").attributes() == {"gen_ai.prompt.name": "a"}


def test_the_client_needs_nothing_of_the_server() -> None:
    """`import promptgit` is cheap, and its Client needs neither Flask nor libgit2."""
    code = """if True:
        import sys, promptgit
        assert not {"httpx2", "promptgit.client"} & set(sys.modules)
        promptgit.Client("http://127.0.0.1:1")
        assert "asyncio" not in sys.modules
        promptgit.AsyncClient("http://127.0.0.1:1")
        found = {"flask", "pygit2", "gunicorn", "flask_smorest", "orjson", "filelock", "sqlite3"} & set(sys.modules)
        assert not found, found
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment(), check=True)
    assert promptgit.Client is Client
    with pytest.raises(AttributeError, match="nothing"):
        promptgit.nothing  # noqa: B018
