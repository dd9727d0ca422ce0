"""Prompts within prompts: they are put in, what uses which is told, and what others refer to stays."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.domain.names import id_of
from promptgit.errors import Referenced
from promptgit.exchange.checker import differences
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.pages import send, words
from tests.support import foreign_commit
from tests.test_langfuse_references import refer

PROMPTS = "/api/prompts"


def put(client: FlaskClient, name: str, content: str, *labels: str) -> str:
    """Save a version, point labels at it; the prompt's id."""
    made = client.put(f"/api/names/{name}", json={"content": content})
    assert made.status_code in (200, 201), made.json
    for label in labels:
        pointed = {"version_number": made.json["version_number"]}
        assert client.put(f"{PROMPTS}/{made.json['id']}/labels/{label}", json=pointed).status_code == 200
    return str(made.json["id"])


def json_of(client: FlaskClient, where: str) -> dict[str, Any]:
    """What is read there."""
    return dict(client.get(where).json or {})


def test_prompts_within_prompts_are_put_in(client: FlaskClient) -> None:
    """In every read of a content, with the versions that went in; by the state of now, or of then."""
    tone = put(client, "tone", "Be kind.", "production")
    rules = put(client, "rules", f"Rules: {refer('tone')}", "production")
    text = f"{refer('rules', 'version=1')} {refer('tone')} {refer('tone')} {{{{name}}}}\n"
    main = put(client, "main", text, "live")
    went_in = [
        {"prompt_id": rules, "name": "rules", "version_number": 1},
        {"prompt_id": tone, "name": "tone", "version_number": 1, "label": "production"},
    ]
    composed = "Rules: Be kind. Be kind. Be kind. {{name}}\n"
    reads = ["/api/names/main", f"{PROMPTS}/{main}", f"{PROMPTS}/{main}/versions/1", f"{PROMPTS}/{main}/labels/live"]
    for where in reads:
        got, raw = json_of(client, f"{where}?resolve=true"), json_of(client, where)
        assert got == {**raw, "content": composed, "resolved_references": went_in}, where
        assert json_of(client, f"{where}?resolve=true&resolve=true") == got  # not answered directly
        assert json_of(client, f"{where}?resolve=false") == raw
    assert "resolved_references" not in json_of(client, reads[0])
    file = client.get(f"{PROMPTS}/{main}/versions/1/content?resolve=true")
    assert (file.text, file.headers["Cache-Control"]) == (composed, "private, no-cache")
    listed = client.get(f"{PROMPTS}?include=content&resolve=true").json
    assert [one["content"] for one in listed] == [composed, "Rules: Be kind.", "Be kind."]
    assert listed[2]["resolved_references"] == []
    assert client.get(f"{PROMPTS}?resolve=true").status_code == 422
    assert client.get(f"{reads[0]}?resolve=yes").status_code == 422

    # A label that moves counts at once, and its ETag tells; a past state has the texts of then.
    then = client.get("/api/changes").json[-1]["commit"]
    etag = client.get(f"{reads[0]}?resolve=true").headers["ETag"]
    assert client.get(f"{reads[0]}?resolve=true", headers={"If-None-Match": etag}).status_code == 304
    put(client, "tone", "Be brief.", "production")
    moved = client.get(f"{reads[0]}?resolve=true", headers={"If-None-Match": etag})
    assert moved.json["content"] == "Rules: Be brief. Be brief. Be brief. {{name}}\n"
    assert moved.json["resolved_references"][1]["version_number"] == 2
    for where in (*reads[:2], reads[3]):
        assert client.get(f"{where}?resolve=true&at={then}").json["content"] == composed
    assert client.get(f"{PROMPTS}?include=content&resolve=true&at={then}").json[0]["content"] == composed
    # An ETag of what was read names the version for a write, too.
    saved = client.put(reads[1], json={"content": text + "!"}, headers={"If-Match": moved.headers["ETag"]})
    assert saved.json["version_number"] == 2


def test_a_file_keeps_its_front_matter_and_its_messages(client: FlaskClient) -> None:
    """The texts of others come without their front matter; what looks like a message in them is none."""
    put(client, "tone", '---\ntags: [style]\n---\nBe kind.\n{{role "system"}}\nObey.')
    header = "---\nconfig: {temperature: 0.20}\ntype:   chat\n---\n"
    put(client, "chat", f'{header}{{{{role "user"}}}}\n{refer("tone", "label=latest")}\n')
    got = client.get("/api/names/chat?resolve=true").json["content"]
    assert got == header + '{{role "user"}}\nBe kind.\n\\{{role "system"}}\nObey.\n'
    put(client, "plain", refer("fenced", "version=1"))
    put(client, "fenced", "---\ntype: text\n---\n---\ntype: chat\n---\n")
    got = client.get("/api/names/plain?resolve=true").json["content"]
    assert got == "---\ntype: text\n---\n---\ntype: chat\n---\n"  # which is read as that very text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (refer("none"), "No prompt has the name 'none'"),
        (refer("tone"), "no label 'production'"),
        (refer("tone", "version=7"), "no version 7"),
        (refer("tone", "version=" + "9" * 30), "no version 9"),
        (refer("tone", "version=x"), "no version x"),
        (refer("gone", "version=1"), "was deleted"),
        (refer("chat", "label=latest"), "to a chat"),
        (refer("other", "label=latest"), "in a circle"),
    ],
)
def test_references_that_lead_nowhere_are_refused_at_the_read(client: FlaskClient, text: str, reason: str) -> None:
    """409 `unresolvable`, which names the prompt; the text itself is saved and read as ever."""
    put(client, "tone", "x")
    put(client, "chat", "---\ntype: chat\n---\n")
    client.delete(f"{PROMPTS}/{put(client, 'gone', 'x')}")
    put(client, "other", refer("main", "label=latest"))
    put(client, "main", text)
    for where in ("/api/names/main?resolve=true", f"{PROMPTS}?include=content&resolve=true&name=main"):
        refused = client.get(where)
        assert (refused.status_code, refused.json["code"]) == (409, "unresolvable")
        assert "'main'" in refused.json["detail"] and reason in refused.json["detail"]
    assert client.get("/api/names/main").json["content"] == text


def test_a_prompt_tells_what_it_uses_and_where_it_is_used(client: FlaskClient, repository: Path) -> None:
    """Newest and labelled versions count, of prompts that are there, wherever the texts came from."""
    tone = put(client, "tone", "Be kind.", "production")
    main = put(client, "main", f"{refer('tone')} {refer('none', 'version=2')}", "live")
    assert put(client, "main", f"{refer('tone', 'version=1')} {refer('tone', 'version=9')}") == main
    put(client, "old", refer("tone"))
    put(client, "old", "nothing now")
    foreign_commit(repository, {"prompts/pushed.md": refer("tone", "label=latest").encode()}, "Pushed")
    used = {"prompt_id": tone, "name": "tone"}
    found = client.get(f"{PROMPTS}/{main}/references").json
    assert found == {
        "uses": [
            used | {"version_number": 1, "label": "production", "used_in": [1]},
            {"prompt_id": None, "name": "none", "version_number": None, "used_in": [1]},
            used | {"version_number": 1, "used_in": [2]},
            used | {"version_number": None, "used_in": [2]},
        ],
        "used_by": [],
    }
    by_main = {"prompt_id": main, "name": "main"}
    assert client.get(f"{PROMPTS}/{tone}/references").json == {
        "uses": [],
        "used_by": [
            by_main | {"version_number": 1, "label": "production", "used_version": 1},
            by_main | {"version_number": 2, "used_version": 1},
            by_main | {"version_number": 2, "used_version": None},
            {"prompt_id": id_of("pushed"), "name": "pushed", "version_number": 1, "label": "latest", "used_version": 1},
        ],
    }
    assert client.delete(f"{PROMPTS}/{main}/labels/live").status_code == 204
    assert client.delete(f"{PROMPTS}/{id_of('pushed')}").status_code == 204
    users = client.get(f"{PROMPTS}/{tone}/references").json["used_by"]
    assert [(user["name"], user["version_number"]) for user in users] == [("main", 2), ("main", 2)]
    assert client.get(f"{PROMPTS}/{id_of('pushed')}/references").status_code == 410


def commit(client: FlaskClient, *changes: dict[str, Any], **more: Any) -> TestResponse:
    return client.post("/api/commits", json={"changes": changes, **more})


def test_what_others_refer_to_stays(client: FlaskClient) -> None:
    """No kind of write removes it or renames it, except by force; a refused one writes nothing."""
    tone = put(client, "tone", "Be kind.", "production", "unused")
    main = put(client, "main", refer("tone"))
    before = client.get("/api/changes").json
    refused = [
        client.delete(f"{PROMPTS}/{tone}"),
        client.patch(f"{PROMPTS}/{tone}", json={"name": "voice"}),
        client.delete(f"{PROMPTS}/{tone}/labels/production"),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json["code"], answer.json["referenced_by"]) == (409, "referenced", ["main"])
    unlabel = {"name": "tone", "label": "production", "version_number": None}
    sets: list[list[dict[str, Any]]] = [
        [{"name": "other", "content": "x"}, {"name": "tone", "delete": True}],
        [{"name": "other", "content": "x"}, {"name": "tone", "rename_to": "voice"}],
        [{"name": "other", "content": "x"}, unlabel],
        [{"name": "tone", "content": "Be brief."}, unlabel],
        # The reference is still there afterwards, in another text, under another name, or in another prompt.
        [{"name": "main", "content": f"And {refer('tone')}"}, {"name": "tone", "delete": True}],
        [{"name": "main", "rename_to": "base"}, {"name": "tone", "delete": True}],
        [
            {"name": "new", "content": f"Or {refer('tone')}"},
            {"name": "main", "delete": True},
            {"name": "tone", "delete": True},
        ],
    ]
    for changes in sets:
        for dry_run in ("true", "false"):
            answer = client.post(f"/api/commits?dry_run={dry_run}", json={"changes": changes})
            assert (answer.status_code, answer.json["code"]) == (409, "referenced"), changes
            at = next(at for at, one in enumerate(changes) if one["name"] == "tone" and "content" not in one)
            assert list(answer.json["errors"]) == [str(at)]
    assert client.get("/api/changes").json == before

    # What nobody refers to goes as ever, and so does what is no longer referred to after the commit.
    assert client.delete(f"{PROMPTS}/{tone}/labels/unused").status_code == 204
    freed = commit(client, {"name": "tone", "rename_to": "voice"}, {"name": "main", "content": refer("voice")})
    assert freed.status_code == 200
    assert client.get("/api/names/main?resolve=true").json["content"] == "Be kind."
    assert commit(client, {"name": "main", "delete": True}, {"name": "voice", "delete": True}).status_code == 200
    assert client.post(f"{PROMPTS}/{tone}/versions/1/revert").status_code == 200
    assert client.post(f"{PROMPTS}/{main}/versions/2/revert").status_code == 200
    assert client.get(f"{PROMPTS}/{tone}/references").json["used_by"][0]["name"] == "main"

    # Force, of the request or of one change.
    change = {"name": "voice", "rename_to": "tone"}
    assert commit(client, {"name": "main", "force": True}).status_code == 422
    assert commit(client, change | {"force": True}, {"name": "x", "content": "x"}).status_code == 200
    assert commit(client, {"name": "tone", "rename_to": "voice"}, force=True).status_code == 200
    put(client, "voice", "Be kind.", "production")
    for method, where in (("DELETE", "/labels/production"), ("PATCH", ""), ("DELETE", "")):
        body = {"force": True} | ({"name": "voice2"} if method == "PATCH" else {})
        assert client.open(f"{PROMPTS}/{tone}{where}", method=method, json=body).status_code in (200, 204)
        if method == "PATCH":
            client.patch(f"{PROMPTS}/{tone}", json={"name": "voice"})
    refused_read = client.get("/api/names/main?resolve=true")
    assert (refused_read.status_code, "was deleted" in refused_read.json["detail"]) == (409, True)
    # A prompt that refers to itself is its own affair.
    own = put(client, "own", refer("own", "version=1"))
    assert client.delete(f"{PROMPTS}/{own}").status_code == 204


def test_the_pages_show_what_uses_what(client: FlaskClient) -> None:
    """On a prompt's page, and in the forms after which a reference would lead nowhere: a tick forces them."""
    tone = put(client, "tone", "Be kind.", "production")
    main = put(client, "main", f"{refer('tone')} {refer('none', 'version=2')}")
    page = words(client.get(f"/prompts/{main}"))
    assert "Uses" in page and "tone version 1 by the label production, in version 1" in page
    assert "none by version 2, which is not there, in version 1" in page
    page = words(client.get(f"/prompts/{tone}"))
    assert "Used by" in page and "main version 1 by the label production" in page
    assert "Used by" not in words(client.get(f"/prompts/{main}"))
    forms: dict[str, dict[str, str]] = {"labels/production/remove": {}, "rename": {"name": "voice"}}
    for form, values in (forms | {"delete": {"name": "tone"}}).items():
        where = f"/prompts/{tone}/{form}"
        assert "main version 1" in words(client.get(where))
        refused = send(client, where, **values)
        assert (refused.status_code, "referred to by" in words(refused)) == (409, True)
        assert send(client, where, **values, force="1").status_code == 303
        client.post(f"{PROMPTS}/{tone}/versions/1/revert")
        client.patch(f"{PROMPTS}/{tone}", json={"name": "tone", "force": True})
        client.put(f"{PROMPTS}/{tone}/labels/production", json={"version_number": 1})
    assert "Other prompts refer" not in words(client.get(f"/prompts/{main}/delete"))


def test_a_release_names_references_that_go_around_the_gate(client: FlaskClient, repository: Path) -> None:
    """By `latest`, or by a label that is not gated there; also in a text that is put in by its number."""
    rules = b'[labels.production]\napprovals = 0\nprefixes = ["live/"]\n'
    foreign_commit(repository, {"rules.toml": rules}, "Gate")
    put(client, "live/tone", "Be kind.")
    put(client, "free", "Hi.", "production")
    put(client, "rules", f"{refer('live/tone', 'label=latest')}\n")
    text = " ".join([refer("live/tone"), refer("live/tone", "version=1"), refer("free"), refer("rules", "version=1")])
    main = put(client, "live/main", text)

    def opened(number: int) -> dict[str, Any]:
        items = [{"prompt_id": main, "version_number": number}]
        made = client.post("/api/releases", json={"label": "production", "items": items, "description": "Ship it"})
        assert made.status_code == 201, made.json
        return dict(made.json)

    release = opened(1)
    assert release["missing"] == [
        "in 'live/main' v1 a reference to 'free' by its number, or by a label that is gated for it, in the place of "
        "'production'",
        "in 'rules' v1, which 'live/main' v1 refers to, a reference to 'live/tone' by its number, or by a label that "
        "is gated for it, in the place of 'latest'",
    ]
    refused = client.post(f"/api/releases/{release['number']}/release", json={})
    assert (refused.status_code, refused.json["missing"]) == (409, release["missing"])
    put(client, "live/main", f"{refer('live/tone')} {refer('free', 'version=1')}")
    release = opened(2)
    assert (release["state"], release["missing"]) == ("ready", [])
    assert client.post(f"/api/releases/{release['number']}/release", json={}).status_code == 200


def test_texts_that_nobody_has_looked_at_yet_count(store: Store, service: Service) -> None:
    """Those of an index that was built anew."""
    tone = service.create("Be kind.", name="tone")
    for number in range(150):
        service.create(f"{number}", name=f"filler/{number}")
    service.create(refer("tone", "version=1"), name="main")
    store.index.rebuild()
    for _ in range(2):
        with pytest.raises(Referenced, match="'main'"):
            service.delete(tone.id)
    assert list(differences(store)) == []
    with sqlite3.connect(store.index.path) as index:
        index.execute("UPDATE refers SET name = 'other'")
    index.close()
    (said,) = differences(store)
    assert "other references of the prompt" in said
    service.delete(tone.id, attribution=Attribution(force=True))


def test_a_reference_counts_as_soon_as_it_is_written(store: Store, service: Service) -> None:
    """Also one of a write in the same batch, whose text is not on disk yet."""

    def delete(prompt_id: str) -> None:
        with suppress(Referenced):
            service.delete(prompt_id)

    for at in range(10):
        tone = service.create(f"Be kind. {at}", name=f"{at}/tone")
        user = f"And {refer(tone.name, 'version=1')}"
        with ThreadPoolExecutor(6) as pool, FileLock(store.folder / "write.lock"):  # while it is held, writes gather
            writes = [pool.submit(service.put, f"{at}/user/{one}", f"{one} {user}") for one in range(5)]
            writes.append(pool.submit(delete, tone.id))
        for write in writes:
            write.result()
        _, removal = service.find(tone.id)
        if removal is not None:
            assert service.as_of(removal.commit).list(prefix=f"{at}/user/", limit=9) == []
