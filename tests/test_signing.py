"""A signed history: an auditor with stock git and ssh-keygen sees that nothing was rewritten."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from promptgit.domain.models import Request
from promptgit.errors import NameTaken, SigningFailed
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import COMMIT, add_signature, committed, tree_of
from promptgit.store.operation import Operation
from promptgit.store.store import Store
from promptgit.store.upstream.upstream import UpstreamSettings
from tests.support import Http, Server, assert_sound, at_once, command, environment, foreign_commit, git, git_text
from tests.upstreams import bare

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing: install openssh-client"
)


def keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True, capture_output=True)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "key"
    path.parent.mkdir()
    keygen("-t", "ed25519", "-N", "", "-C", "service", "-f", str(path))
    return path


@pytest.fixture
def signers(key: Path) -> Path:
    """What an auditor has: whose signatures count."""
    path = key.with_name("allowed_signers")
    path.write_text(f'prompts@example.org namespaces="git" {key.with_suffix(".pub").read_text()}')
    return path


@pytest.fixture
def store(tmp_path: Path, key: Path) -> Store:
    store = Store(tmp_path / "data", lock_timeout=5, signing_key=str(key))
    store.open()
    return store


def is_good(repository: Path, signers: Path, commit: str = "main") -> bool:
    """What `git verify-commit` says, as an auditor runs it."""
    done = subprocess.run(
        ["git", "-C", str(repository), "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", commit],
        capture_output=True,
        env=environment(),
    )
    return done.returncode == 0 and b'Good "git" signature for prompts@example.org' in done.stderr


def signed_commits(repository: Path) -> list[str]:
    """Newest first; the newest is number 0."""
    commits = git_text(repository, "rev-list", "main").split()
    return [commit for commit in commits if b"\ngpgsig -----BEGIN SSH" in git(repository, "cat-file", "commit", commit)]


def test_every_save_is_signed(service: Service, store: Store, repository: Path, signers: Path) -> None:
    """In a clone, too; the message, the tree and the index are what they are without a signature."""
    prompt = service.create("1", name="a")
    saved = service.save(prompt.id, "2")
    assert saved.newest.commit == git_text(repository, "rev-parse", "main")
    assert signed_commits(repository) == git_text(repository, "rev-list", "-2", "main").split()
    assert is_good(repository, signers) and is_good(repository, signers, "main~1")
    assert git_text(repository, "log", "-1", "--format=%B", "main") == "Update a"
    raw = git(repository, "cat-file", "commit", "main")
    assert tree_of(raw) == git_text(repository, "rev-parse", "main^{tree}")
    assert committed(raw)[1] == int(git_text(repository, "log", "-1", "--format=%ct", "main"))
    assert_sound(repository)
    before = service.get(prompt.id)
    store.index.rebuild()
    assert service.get(prompt.id) == before


def test_the_last_commit_of_a_batch_is_signed_for_all(
    service: Service, store: Store, repository: Path, signers: Path
) -> None:
    prompts = [service.create("0", name=f"p{at}") for at in range(6)]
    already = len(signed_commits(repository))
    at_once(store, [partial(service.save, prompt.id, "1") for prompt in prompts])
    assert git_text(repository, "rev-list", "--count", "main") == "13"
    assert len(signed_commits(repository)) == already + 1
    assert is_good(repository, signers)


def test_a_batch_that_ends_in_refusals_is_signed_where_it_ends(
    service: Service, store: Store, repository: Path, signers: Path
) -> None:
    """Those after the last commit wrote nothing; every answer names a commit that is there."""
    prompt = service.create("0", name="a")
    one, two, again = (_change(store, partial(service.save, prompt.id, text)) for text in "122")
    other, refused = (_change(store, partial(service.create, "x", name=name)) for name in "bA")
    answers = store.writer.together([refused, one, two, refused, again, refused], stop_at_refusal=False)
    assert [type(answer) for answer in answers[::3]] == [NameTaken, NameTaken]
    assert [answer.newest.number for answer in (answers[1], answers[2], answers[4])] == [2, 3, 3]
    assert answers[2] == answers[4]
    assert answers[2].newest.commit == git_text(repository, "rev-parse", "main")
    assert signed_commits(repository)[0] == answers[2].newest.commit
    assert is_good(repository, signers)
    assert store.writer.together([refused, again], stop_at_refusal=False)[1] == answers[2]
    stopped = store.writer.together([other, refused, one], stop_at_refusal=True)
    assert len(stopped) == 2
    assert signed_commits(repository)[0] == stopped[0].newest.commit
    assert command("check", "--data", str(store.folder)).returncode == 0


def test_a_signature_covers_the_key_of_the_request(
    service: Service, store: Store, repository: Path, signers: Path
) -> None:
    """Also where a batch ends in repeats, which write nothing."""
    once = Attribution(request=Request("a" * 64, "b" * 64))
    created = service.create("1", name="a", attribution=once)
    headers = git(repository, "cat-file", "commit", "main").partition(b"\n\n")[0].splitlines()
    assert headers[4:6] == [b"promptgit-request " + b"a" * 64, b"promptgit-request-body " + b"b" * 64]
    assert headers[6].startswith(b"gpgsig ")
    assert is_good(repository, signers)
    again = _change(store, partial(service.create, "1", name="a", attribution=once))
    other = _change(store, partial(service.create, "1", name="b"))
    answers = store.writer.together([again, other, again], stop_at_refusal=False)
    assert answers == [created, service.publishing.find("b"), created]
    assert git_text(repository, "rev-list", "--count", "main") == "3"
    assert is_good(repository, signers)
    assert_sound(repository)


def _change(store: Store, call: Callable[[], object]) -> Operation[Any]:
    """The change that a call would submit."""
    changes: list[Operation[Any]] = []
    with pytest.MonkeyPatch.context() as patch, suppress(AttributeError):  # the call gets no prompt
        patch.setattr(store.writer, "submit", changes.append)
        call()
    return changes[0]


def test_without_the_key_nothing_is_written(service: Service, repository: Path, key: Path) -> None:
    prompt = service.create("0", name="a")
    head = git_text(repository, "rev-parse", "main")
    key.rename(key.with_name("away"))
    with pytest.raises(SigningFailed, match="PROMPTGIT_SIGNING_KEY"):
        service.save(prompt.id, "1")
    assert git_text(repository, "rev-parse", "main") == head
    assert service.save(prompt.id, "0").newest.number == 1  # nothing to sign
    key.with_name("away").rename(key)
    assert service.save(prompt.id, "1").newest.number == 2


@pytest.mark.parametrize("what", ["missing", "no key", "a passphrase", "no ssh-keygen"])
def test_a_key_that_cannot_sign_is_refused_at_the_start(tmp_path: Path, key: Path, what: str) -> None:
    """In one line, before anything listens, and without asking anybody for a passphrase."""
    settings = {"PROMPTGIT_SIGNING_KEY": str(key)}
    if what == "missing":
        key.unlink()
    elif what == "no key":
        key.write_text("x")
    elif what == "a passphrase":
        key.unlink()
        keygen("-t", "ed25519", "-N", "secret", "-f", str(key))
    else:
        (tmp_path / "bin").mkdir()
        for name in ("git", "nice"):
            (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
        settings["PATH"] = str(tmp_path / "bin")
    done = command("serve", "--data", str(tmp_path / "data"), "--port", "0", **settings)
    assert done.returncode == 1
    assert "PROMPTGIT_SIGNING_KEY" in done.stderr
    assert ("openssh-client" in done.stderr) == (what == "no ssh-keygen")
    assert "Traceback" not in done.stderr


def test_an_agent_can_hold_the_key(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting then names the public key."""
    socket = tmp_path / "a"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        while subprocess.run(["ssh-add", "-q", str(key)], capture_output=True).returncode:
            assert agent.poll() is None
        key.unlink()
        store = Store(tmp_path / "data", lock_timeout=5, signing_key=f"{key}.pub")
        store.open()
        Service(store, 100).create("x", name="a")
        assert len(signed_commits(store.repository.path)) == 1
    finally:
        agent.kill()
        agent.wait()


def test_an_import_is_signed_a_batch_at_a_time(tmp_path: Path, key: Path, signers: Path) -> None:
    lines = [
        f'{{"name": "p{at % 7}", "op": "write", "content": "{at // 8}", "description": "x", "author_name": "A", '
        f'"author_email": "a@example.org", "timestamp": "2026-01-01T00:00:00Z"}}\n'
        for at in range(520)
    ]
    (tmp_path / "lines").write_text("".join(lines))
    data = tmp_path / "data"
    for _ in range(2):
        done = command("import", str(tmp_path / "lines"), "--data", str(data), PROMPTGIT_SIGNING_KEY=str(key))
        assert done.returncode == 0, done.stderr
    repository = data / "prompts.git"
    assert len(signed_commits(repository)) == 2  # of 500 lines each
    assert is_good(repository, signers)
    assert command("check", "--data", str(data)).returncode == 0


def verify(folder: Path, *options: str, **settings: str) -> tuple[int, list[str]]:
    done = command("verify", "--data", str(folder), *options, **settings)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_verify_says_that_all_is_covered(store: Store, service: Service, key: Path, signers: Path) -> None:
    """With the auditor's file, or with the service's own key."""
    prompt = service.create("1", name="a")
    service.save(prompt.id, "2")
    for options, settings in (
        (["--allowed-signers", str(signers)], {}),
        (["--all"], {"PROMPTGIT_SIGNING_KEY": str(key)}),
    ):
        code, lines = verify(store.folder, *options, **settings)
        assert (code, lines[1:]) == (0, ["0 commits are not covered, 0 signatures are bad."])
        assert "covers 3 commits" in lines[0]


def test_verify_names_what_came_after_the_last_signature_and_by_whom(
    store: Store, service: Service, repository: Path, signers: Path
) -> None:
    """Once the service has written again that is covered, and still not the service's."""
    service.create("1", name="a")
    foreign = foreign_commit(repository, {"prompts/b.md": b"x"})
    code, lines = verify(store.folder, "--allowed-signers", str(signers))
    assert code == 1
    assert f"Not covered: {foreign}, by admin <admin@example.org>." in lines
    service.create("2", name="c")
    code, lines = verify(store.folder, "--allowed-signers", str(signers))
    assert code == 0
    assert lines[0] == f"Not by promptgit: {foreign}, by admin <admin@example.org>."


def test_verify_covers_merged_commits_too(store: Store, service: Service, repository: Path, signers: Path) -> None:
    service.create("1", name="a")
    base = git_text(repository, "rev-parse", "main")
    side = foreign_commit(repository, {"prompts/side.md": b"x"})
    git(repository, "update-ref", "refs/heads/main", base)
    service.create("2", name="b")
    tree = git_text(repository, "rev-parse", "main^{tree}")
    merge = git_text(repository, "commit-tree", tree, "-p", "main", "-p", side, "-m", "Merge")
    git(repository, "update-ref", "refs/heads/main", merge)
    code, lines = verify(store.folder, "--allowed-signers", str(signers))
    assert code == 1
    assert {line.split()[2].rstrip(",") for line in lines if line.startswith("Not covered")} == {merge, side}
    service.create("3", name="c")
    code, lines = verify(store.folder, "--allowed-signers", str(signers))
    assert code == 0
    assert [line.split()[3].rstrip(",") for line in lines if line.startswith("Not by")] == [merge]


def _rewrite(repository: Path, change: bytes, into: bytes) -> None:
    """Put another commit in the place of the newest one."""
    raw = git(repository, "cat-file", "commit", "main")
    assert change in raw
    new = git(repository, "hash-object", "-t", "commit", "-w", "--stdin", data=raw.replace(change, into))
    git(repository, "update-ref", "refs/heads/main", new.decode().strip())


def test_verify_finds_a_commit_that_was_rewritten(
    store: Store, service: Service, repository: Path, signers: Path
) -> None:
    service.create("1", name="a")
    service.create("2", name="b")
    _rewrite(repository, b"Initial version", b"Something else")
    code, lines = verify(store.folder, "--allowed-signers", str(signers))
    assert code == 1
    assert lines[0].startswith(f"Bad signature: {git_text(repository, 'rev-parse', 'main')}")
    assert lines[-1] == "1 commits are not covered, 1 signatures are bad."


def test_verify_takes_nobody_elses_key(
    store: Store, service: Service, tmp_path: Path, repository: Path, signers: Path
) -> None:
    """An older bad signature shows with --all; the newest good one covers its commit."""
    service.create("1", name="a")
    keygen("-t", "ed25519", "-N", "", "-f", str(tmp_path / "other"))
    other = Service(Store(store.folder, lock_timeout=5, signing_key=str(tmp_path / "other")), 100)
    strange = other.create("2", name="b").newest.commit
    options = ("--allowed-signers", str(signers))
    code, lines = verify(store.folder, *options)
    assert (code, lines[0]) == (1, f"Bad signature: {strange}, whose signature is of no allowed signer.")
    service.create("3", name="c")
    assert verify(store.folder, *options)[0] == 0
    code, lines = verify(store.folder, *options, "--all")
    assert (code, lines[0]) == (1, f"Bad signature: {strange}, whose signature is of no allowed signer.")


def test_verify_all_finds_an_object_that_is_not_what_its_id_says(
    store: Store, service: Service, repository: Path, signers: Path
) -> None:
    """Who can write to the disk can change an old content in its place; a clone would notice, too."""
    service.create("the old content", name="a")
    packs = {path: path.read_bytes() for path in (repository / "objects" / "pack").glob("*.pack")}
    oid = object_id("blob", b"the old content")
    path = next(path for path in packs if oid in git_text(repository, "verify-pack", "-v", str(path)))
    at = next(
        int(line.split()[4]) for line in git_text(repository, "verify-pack", "-v", str(path)).split("\n") if oid in line
    )
    path.chmod(0o644)
    path.write_bytes(packs[path][: at + 3] + b"\xff" + packs[path][at + 4 :])
    code, lines = verify(store.folder, "--allowed-signers", str(signers), "--all")
    assert code == 1
    assert any(line.startswith("Damaged: ") for line in lines)


def test_verify_of_what_was_never_signed(tmp_path: Path, signers: Path) -> None:
    plain = Store(tmp_path / "plain", lock_timeout=5)
    plain.open()
    Service(plain, 100).create("x", name="a")
    code, lines = verify(plain.folder, "--allowed-signers", str(signers))
    assert (code, lines) == (1, ["No commit has a good signature.", "2 commits are not covered, 0 signatures are bad."])
    code, lines = verify(plain.folder)
    assert code == 2
    assert "--allowed-signers" in lines[-1]


def test_verify_without_ssh_keygen_says_what_to_install(store: Store, signers: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    code, lines = verify(store.folder, "--allowed-signers", str(signers), PATH=str(tmp_path / "bin"))
    assert code == 1
    assert "openssh-client" in lines[0]


def test_a_server_signs_whatever_its_workers_write(tmp_path: Path, key: Path, signers: Path) -> None:
    with Server(tmp_path / "data", PROMPTGIT_SIGNING_KEY=str(key)) as server:
        http = Http(server.url)
        where = http("POST", "/api/prompts", {"name": "a", "content": "0"}).headers["Location"]
        commits = [http("PUT", where, {"content": f"{at}"}).json["commit"] for at in range(1, 6)]
        assert commits[::-1] == signed_commits(server.folder / "prompts.git")[:5]
        key.unlink()
        refused = http("PUT", where, {"content": "x"})
        assert (refused.status, refused.json["code"], refused.headers["Retry-After"]) == (503, "signing_failed", "1")
        assert http("GET", where).json["version_number"] == 6
    assert verify(tmp_path / "data", "--allowed-signers", str(signers))[0] == 0


def test_a_signature_is_the_header_that_git_itself_would_write(tmp_path: Path, key: Path) -> None:
    """Byte for byte: Ed25519 signatures depend on nothing but the key and what is signed."""
    git(tmp_path, "init", "-q", "r")
    settings = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
    git(tmp_path / "r", *settings, "commit", "-q", "--allow-empty", "-S", "-m", "One\n\nTwo")
    raw = git(tmp_path / "r", "cat-file", "commit", "HEAD")
    lines = raw.split(b"\n")
    start = next(at for at, line in enumerate(lines) if line.startswith(b"gpgsig "))
    rest = list(itertools.dropwhile(lambda line: line.startswith(b" "), lines[start + 1 :]))
    unsigned = b"\n".join(lines[:start] + rest)
    store = Store(tmp_path / "data", lock_timeout=1, signing_key=str(key))
    assert store.signer is not None
    assert add_signature(unsigned, store.signer.sign(unsigned)) == raw
    assert object_id(COMMIT, raw) == git_text(tmp_path / "r", "rev-parse", "HEAD")


def test_with_an_upstream_every_commit_is_signed(tmp_path: Path, key: Path, signers: Path) -> None:
    """Hosts can demand it; a batch of several operations is one push."""
    upstream = UpstreamSettings(str(bare(tmp_path / "host")))
    store = Store(tmp_path / "node", lock_timeout=5, signing_key=str(key), upstream=upstream)
    store.open()
    service = Service(store, 1 << 20)
    made = service.create("0", name="a")
    at_once(store, [lambda at=at: service.save(made.id, f"{at}") for at in range(1, 5)])  # type: ignore[misc]
    commits = git(tmp_path / "host" / "up.git", "rev-list", f"{made.newest.commit}^..main").decode().split()
    assert len(commits) == 5
    assert all(is_good(tmp_path / "host" / "up.git", signers, commit) for commit in commits)
