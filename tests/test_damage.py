"""A damaged repository: nothing wrong is served, nothing is built upon it, and it is said what is damaged."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.errors import Damaged, NotReady
from promptgit.service.service import Service
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.faults.damage import flip, truncate
from tests.faults.tracing import without_privilege
from tests.support import Http, Server, command, foreign_commit, git, git_text

LONG = "".join(f"line {at}\n" for at in range(3_000))  # too long to be kept in memory


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """The address of a prompt with two versions and a label, all in one pack."""
    address: str = client.post("/api/prompts", json={"content": "one", "name": "a/b"}).headers["Location"]
    client.put(address, json={"content": "two"})
    client.put(f"{address}/labels/production", json={"version_number": 1})
    return address


def packs_of(repository: Path) -> list[Path]:
    return sorted((repository / "objects/pack").glob("*.pack"), key=lambda pack: pack.stat().st_size)


def as_loose(repository: Path, revision: str) -> Path:
    """Let an object be a loose file, and nothing else; the file."""
    oid = git_text(repository, "rev-parse", revision)
    aside = repository.parent / "aside"
    shutil.move(repository / "objects/pack", aside)
    (repository / "objects/pack").mkdir()
    for pack in aside.glob("*.pack"):
        git(repository, "unpack-objects", "-q", "-r", data=pack.read_bytes())
    return repository / "objects" / oid[:2] / oid[2:]


def started_anew(repository: Path) -> FlaskClient:
    """A client of a service that keeps nothing in memory, and no pack open that is gone."""
    return create_app(Settings(data=repository.parent)).test_client()


def assert_damaged(answer: TestResponse, oid: str) -> None:
    assert answer.json is not None
    assert (answer.status_code, answer.json.get("code")) == (503, "damaged")
    assert oid in answer.json["detail"]


def test_a_content_that_cannot_be_read_is_told_and_never_a_wrong_text(client: FlaskClient, repository: Path) -> None:
    address = client.post("/api/prompts", json={"content": "well", "name": "a"}).headers["Location"]
    oid = git_text(repository, "rev-parse", "main:prompts/a.md")
    blob = as_loose(repository, oid)
    kept = blob.read_bytes()
    blob.chmod(0o644)
    for data in (b"", zlib.compress(b"blob 5\0wrong"), kept[:4] + bytes([kept[4] ^ 1]) + kept[5:]):
        blob.write_bytes(data)
        client = started_anew(repository)
        for path in ("", "/versions/1", "/versions/1/content"):
            assert_damaged(client.get(address + path), oid)
        assert client.get(f"/prompts/{address.rsplit('/', 1)[1]}").status_code == 503
        assert client.get("/api/public/v2/prompts/a?label=latest").status_code == 503
        assert_damaged(client.patch(address, json={"name": "c"}), oid)
        ready = client.get("/readyz")
        assert (ready.status_code, oid in ready.json["detail"]) == (503, True)
    blob.write_bytes(kept)
    assert client.get(address).json["content"] == "well"
    assert client.get("/readyz").status_code == 200


def test_an_object_that_was_cut_short_keeps_nobody_waiting(client: FlaskClient, repository: Path) -> None:
    """Wherever it was cut: libgit2 would never end reading a loose file of it, and all others with it."""
    address = client.post("/api/prompts", json={"content": "well", "name": "a"}).headers["Location"]
    oid = git_text(repository, "rev-parse", "main:prompts/a.md")
    blob = as_loose(repository, oid)
    kept = blob.read_bytes()
    blob.chmod(0o644)
    client = started_anew(repository)
    for size in range(len(kept)):
        blob.write_bytes(kept[:size])
        assert_damaged(client.get(f"{address}/versions/1/content"), oid)
    checked = command("check", "--data", str(repository.parent))
    assert (checked.returncode, oid in checked.stdout) == (1, True)
    (repository.parent / "aside").rename(repository / "objects/pack/aside")
    for pack in (repository / "objects/pack/aside").iterdir():
        pack.rename(repository / "objects/pack" / pack.name)
    assert started_anew(repository).get(address).json["content"] == "well"  # a pack has it as well


def test_what_only_a_damaged_main_has_asked_for_is_forgotten_with_it(prompt: str, repository: Path) -> None:
    """A flipped bit makes `main` name a commit that never was, which nothing can bring back."""
    client = started_anew(repository)
    main = repository / "refs/heads/main"
    kept = main.read_text()
    main.write_text(f"{'0' if kept[0] != '0' else '1'}{kept[1:]}")
    assert client.get("/readyz").status_code == 503
    assert client.put(prompt, json={"content": "three"}).status_code == 503
    main.write_text(kept)
    assert client.get("/readyz").status_code == 200
    assert client.put(prompt, json={"content": "three"}).status_code == 200


def test_an_object_that_the_service_may_not_read_is_told(tmp_path: Path) -> None:
    """It may be well, but the system keeps it: that is told, also by the readiness, until it can be read again."""
    with Server(tmp_path / "data", "--workers", "1") as server:
        address = Http(server.url)("POST", "/api/prompts", {"content": "well", "name": "a"}).headers["Location"]
    blob = as_loose(tmp_path / "data/prompts.git", "main:prompts/a.md")
    blob.chmod(0)
    with Server(tmp_path / "data", "--workers", "1", under=without_privilege()) as server:
        http = Http(server.url)
        read = http("GET", address)
        assert (read.status, read.json["code"]) == (503, "storage_failed")
        assert "Permission denied" in read.json["detail"]
        ready = http("GET", "/readyz")
        assert (ready.status, "Permission denied" in ready.json["detail"]) == (503, True)
        blob.chmod(0o444)
        assert http("GET", "/readyz").status == 200
        assert http("GET", address).json["content"] == "well"


FOLDERS = ("prompts.git", "prompts.git/objects", "prompts.git/objects/pack", "prompts.git/refs")
FILES = ("prompts.git/HEAD", "prompts.git/config", "prompts.git/refs/heads/main")


@pytest.mark.parametrize("path", [*FOLDERS, *FILES])
def test_what_the_service_may_not_open_is_told(path: str, tmp_path: Path) -> None:
    """By the readiness and by what needs it; under a server that has had it open."""
    with Server(tmp_path / "data", "--workers", "1", under=without_privilege()) as server:
        http = Http(server.url)
        address = http("POST", "/api/prompts", {"content": LONG, "name": "a"}).headers["Location"]
        assert http("GET", "/readyz").status == 200
        (server.folder / path).chmod(0)
        told = [http("GET", "/readyz"), http("PUT", address, {"content": "two"})]
        told += [
            http("GET", one) for one in (address, "/api/prompts", "/prompts.git/info/refs?service=git-upload-pack")
        ]
        (server.folder / path).chmod(0o755)
        assert [one.status for one in told[:2]] == [503, 503], told
        assert {one.status for one in told} <= {200, 503}, told
        assert http("GET", "/readyz").status == 200
        assert http("PUT", address, {"content": "two"}).json["version_number"] == 2


def test_packs_that_were_moved_away_are_told_and_may_come_back(prompt: str, repository: Path) -> None:
    client = started_anew(repository)
    packs = repository / "objects" / "pack"
    assert client.get(prompt).status_code == 200
    packs.rename(repository / "aside")
    for answer in (client.put(prompt, json={"content": "three"}), client.get("/readyz")):
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    (repository / "aside").rename(packs)
    assert client.get("/readyz").status_code == 200
    assert client.put(prompt, json={"content": "three"}).json["version_number"] == 3


@pytest.mark.parametrize("kind", ["tree", "tag"])
def test_a_main_that_names_no_commit_is_told(prompt: str, repository: Path, kind: str) -> None:
    git(repository, "-c", "user.name=a", "-c", "user.email=a", "tag", "-a", "-m", "x", "v1", "main")
    other = git_text(repository, "rev-parse", "main^{tree}" if kind == "tree" else "v1")
    client, main = started_anew(repository), repository / "refs/heads/main"
    kept = main.read_text()
    main.write_text(f"{other}\n")
    for answer in (client.get(prompt), client.put(prompt, json={"content": "three"}), client.get("/readyz")):
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json"), answer.json
        assert "which is no commit" in answer.json["detail"]
    main.write_text(kept)
    assert client.get("/readyz").status_code == 200
    assert client.put(prompt, json={"content": "three"}).json["version_number"] == 3


def test_a_commit_that_was_cut_short_keeps_no_node_waiting(store: Store, repository: Path) -> None:
    """A node asks whether one commit leads to another; libgit2 would never end reading the one between them."""
    one, between, last = (foreign_commit(repository, {"prompts/a.md": text}) for text in (b"1", b"2", b"3"))
    assert store.repository.reaches(last, one)
    assert not store.repository.reaches(one, last)
    loose = repository / "objects" / between[:2] / between[2:]
    loose.chmod(0o644)
    truncate(loose, loose.stat().st_size // 2)
    with pytest.raises(Damaged, match=between):
        store.repository.reaches(last, one)


def test_no_write_is_built_upon_a_folder_that_cannot_be_read(prompt: str, repository: Path) -> None:
    before = git_text(repository, "rev-parse", "main")
    tree = git_text(repository, "rev-parse", "main:prompts/a")
    as_loose(repository, tree).unlink()
    client = started_anew(repository)
    for answer in (
        client.put(prompt, json={"content": "three"}),
        client.post("/api/prompts", json={"content": "x", "name": "a/c"}),
        client.delete(prompt),
    ):
        assert_damaged(answer, tree)
    assert git_text(repository, "rev-parse", "main") == before


def test_a_revert_needs_the_content_that_it_brings_back(prompt: str, repository: Path) -> None:
    before = git_text(repository, "rev-parse", "main")
    oid = git_text(repository, "rev-parse", "main~2:prompts/a/b.md")
    as_loose(repository, oid).unlink()
    client = started_anew(repository)
    assert_damaged(client.post(f"{prompt}/versions/1/revert"), oid)
    assert git_text(repository, "rev-parse", "main") == before
    assert client.put(prompt, json={"content": "one"}).status_code == 200  # whoever has the text mends it
    assert client.get(f"{prompt}/versions/1").json["content"] == "one"


@pytest.mark.parametrize("file", ["HEAD", "config"])
def test_a_repository_that_git_cannot_open_is_not_ready_and_takes_no_writes(
    client: FlaskClient, prompt: str, repository: Path, file: str
) -> None:
    kept = (repository / file).read_bytes()
    truncate(repository / file)
    ready = client.get("/readyz")
    assert (ready.status_code, f"its file {file} is damaged" in ready.json["detail"]) == (503, True)
    refused = client.put(prompt, json={"content": "three"})
    assert (refused.status_code, refused.json["code"]) == (503, "unusable_repository")
    served = command("serve", "--data", str(repository.parent), "--port", "0")
    assert served.returncode == 1
    assert "Traceback" not in served.stderr
    assert f"its file {file} is damaged" in served.stderr
    (repository / file).write_bytes(kept)
    assert client.get("/readyz").status_code == 200
    assert client.put(prompt, json={"content": "three"}).status_code == 200


def test_refs_that_cannot_be_listed_are_told_and_keep_nobody_from_being_served(
    client: FlaskClient, prompt: str, repository: Path
) -> None:
    git(repository, "tag", "seen", "main")
    git(repository, "pack-refs", "--all")
    assert client.put(prompt, json={"content": "three"}).status_code == 200  # main has a file of its own again
    flip(repository / "packed-refs", 8 * 60)
    client = started_anew(repository)
    ready = client.get("/readyz")
    assert (ready.status_code, "packed-refs" in str(ready.json["warnings"])) == (200, True)
    assert client.get(prompt).json["content"] == "three"
    assert client.get("/metrics").status_code == 200
    served = command("token", "list", "--data", str(repository.parent))
    assert served.returncode == 0


def test_a_damaged_head_and_a_log_of_main_are_in_nobody_s_way(
    client: FlaskClient, prompt: str, repository: Path
) -> None:
    """HEAD may name any branch, in whatever letters: only clones need it."""
    git(repository, "config", "core.logAllRefUpdates", "true")
    (repository / "HEAD").write_bytes(b"ref: refs/heads/m\xe1in\n")
    client = started_anew(repository)
    assert client.put(prompt, json={"content": "three"}).status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, "HEAD points at" in str(ready.json["warnings"])) == (200, True)


def test_readiness_looks_at_the_newest_contents_in_turn(store: Store, service: Service, repository: Path) -> None:
    for at in range(20):
        service.create(f"content {at}", name=f"p{at}")
    oid = git_text(repository, "rev-parse", "main:prompts/p17.md")
    as_loose(repository, oid).unlink()
    reasons = []
    for _ in range(3):
        try:
            store.expect_ready()
        except Exception as error:
            reasons.append(str(error))
    assert any(oid in reason for reason in reasons)


def test_check_names_a_flipped_object_and_a_quick_one_compares_alone(
    store: Store, service: Service, repository: Path
) -> None:
    prompt = service.create(LONG, name="a")
    service.save(prompt.id, "short")  # no newest content is damaged
    flip(packs_of(repository)[-1], -400 * 8)
    whole, quick = (command("check", *options, "--data", str(store.folder)) for options in ((), ("--quick",)))
    assert (whole.returncode, quick.returncode) == (1, 0)
    assert "git fsck: " in whole.stdout
    assert git_text(repository, "rev-parse", "main~1:prompts/a.md") in whole.stdout


@pytest.mark.parametrize("replaced", [True, False])
def test_check_beside_writers_takes_no_pack_that_was_replaced_for_damage(
    store: Store, service: Service, tmp_path: Path, replaced: bool
) -> None:
    """Of this git the first fsck finds a pack that has gone, and, with *replaced*, others have come for it."""
    service.create("x", name="a")
    bin_, mark, packs = tmp_path / "bin", tmp_path / "looked", store.repository.packs
    bin_.mkdir()
    come = f"touch {packs}/other && rm {packs}/other && " if replaced else ""
    script = f'case "$*" in *fsck*) [ -e {mark} ] || {{ touch {mark}; {come} echo "index not opened"; exit 4; }};; esac'
    (bin_ / "git").write_text(f'#!/bin/sh\n{script}\nexec {shutil.which("git")} "$@"\n')
    (bin_ / "git").chmod(0o755)
    done = command("check", "--data", str(store.folder), PATH=f"{bin_}:{os.environ['PATH']}")
    assert (done.returncode, "git fsck: index not opened" in done.stdout) == ((0, False) if replaced else (1, True))


def test_an_emptied_pack_is_not_ready_and_takes_no_writes(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--workers", "1") as server:
        http = Http(server.url)
        address = http("POST", "/api/prompts", {"content": "one", "name": "a"}).headers["Location"]
        git(tmp_path / "data/prompts.git", "repack", "-adq")
        assert http("GET", "/readyz").status == 200
        truncate(packs_of(tmp_path / "data/prompts.git")[-1])
        assert http("GET", "/readyz").status == 503
        saved = http("PUT", address, {"content": "two"})
        assert (saved.status, saved.json["code"]) == (503, "damaged")


def test_what_git_alone_cannot_read_is_told_too(tmp_path: Path) -> None:
    """libgit2 finds objects by the multi-pack index that it has open; git by the packs' own, which may be damaged."""
    folder, repository = tmp_path / "data", tmp_path / "data" / "prompts.git"
    with Server(folder, "--workers", "1") as server:
        address = Http(server.url)("POST", "/api/prompts", {"content": "one", "name": "a"}).headers["Location"]
        assert Http(server.url)("PUT", address, {"content": LONG}).status == 200
    git(repository, "repack", "-adq", "--write-midx")
    index = packs_of(repository)[-1].with_suffix(".idx")
    kept = index.read_bytes()
    with Server(folder, "--workers", "1") as server:
        http = Http(server.url)
        assert http("GET", address).json["content"] == LONG
        truncate(index)
        assert http("GET", "/readyz").status == 200
        diff = http("GET", f"{address}/diff?from=1&to=2")
        assert (diff.status, diff.json["code"]) == (503, "damaged")
        assert http("GET", "/readyz").status == 503
        whole = index.with_name("whole")
        whole.write_bytes(kept)
        whole.rename(index)
        assert http("GET", "/readyz").status == 200
        assert http("GET", f"{address}/diff?from=1&to=2").status == 200


def test_a_damaged_content_is_not_in_the_way_of_others(store: Store, service: Service, repository: Path) -> None:
    """A search finds the others, an index is built anew, and the content is found once it is back."""
    prompt = service.create("a needle", name="first")
    service.create("another needle", name="second")
    blob = as_loose(repository, "main:prompts/first.md")
    kept = blob.read_bytes()
    blob.unlink()
    store.repository.close()
    store.index.rebuild()
    assert len(store.repository.unreadable.noted()) == 0  # no content is needed for that
    fresh = Store(store.folder, lock_timeout=5)
    assert [found.name for found in Service(fresh, 1 << 20).list(q="needle", limit=9)] == ["second"]
    assert [*fresh.repository.unreadable.noted()] == [git_text(repository, "rev-parse", "main:prompts/first.md")]
    with pytest.raises(NotReady):
        fresh.expect_ready()
    blob.write_bytes(kept)
    fresh.expect_ready()
    found = Service(fresh, 1 << 20).list(q="needle", limit=9)
    assert {one.id for one in found} >= {prompt.id}
    assert len(found) == 2


def test_a_damaged_label_is_known_by_its_id(client: FlaskClient, prompt: str, repository: Path) -> None:
    as_loose(repository, "main:labels/production/a/b").unlink()
    rebuilt = Store(repository.parent, lock_timeout=5)
    rebuilt.index.rebuild()
    assert started_anew(repository).get(prompt).json["labels"] == {"production": 1}
