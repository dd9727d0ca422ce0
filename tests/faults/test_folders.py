"""Folders and repositories that cannot be served as they are: one line at the start, or a warning there and in readyz.

What is told names the way out, and that way is gone here: afterwards everything works.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.checker import check
from tests.faults.disks import FOLDED_EXT4, disk_of, read_only
from tests.faults.known import Known
from tests.faults.load import Load
from tests.faults.writers import Client
from tests.support import Http, Server, command, environment, git, git_text

LATE_GIT = next((folder for folder in os.environ.get("PROMPTGIT_TEST_GITS", "").split(os.pathsep) if folder), "")
"""The folder of a git that may be younger than the one in the path, see tests/faults/test_others.py."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two versions of a prompt; nobody serves it."""
    folder = tmp_path_factory.mktemp("first") / "data"
    with Server(folder, "--workers", "1") as server:
        client = Client(server.url, "first")
        client.create()
        client.save()
        assert server.stop() == 0
    return folder


@pytest.fixture
def first(made: Path, tmp_path: Path) -> Path:
    """The same, for one test alone."""
    shutil.copytree(made, tmp_path / "first")
    return tmp_path / "first"


def served(folder: Path) -> None:
    """It can be served; in the long form it is: what is there is read, a write is made, nothing is found wrong."""
    assert command("reindex", "--data", str(folder)).returncode == 0
    if not LONG:
        return
    with Server(folder, "--workers", "1") as server:
        assert Http(server.url)("GET", "/readyz").json == {"status": "ok", "warnings": []}
        (found,) = Http(server.url)("GET", "/api/prompts?prefix=first/").json
        assert found["version_number"] == 2
        client = Client(server.url, "last")
        answer = client.create()
        assert answer is not None and answer.status == 201
        check(folder / "prompts.git", client.known)
        assert server.stop() == 0
    assert command("check", "--data", str(folder)).returncode == 0


def refused(folder: Path) -> str:
    """What `promptgit serve` says: one line; the index is not begun."""
    done = command("serve", "--data", str(folder), "--port", "0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert not (folder / "index.sqlite3").exists()
    return done.stderr


def test_a_shallow_clone_is_refused_until_it_is_whole(first: Path, tmp_path: Path) -> None:
    clone = tmp_path / "data" / "prompts.git"
    git(tmp_path, "clone", "-q", "--bare", "--depth", "1", f"file://{first}/prompts.git", str(clone))
    assert "Run 'git fetch --unshallow' in it" in refused(clone.parent)
    git(clone, "fetch", "-q", "--unshallow", "origin", "main")
    served(clone.parent)


def test_a_partial_clone_is_refused(first: Path, tmp_path: Path) -> None:
    """Its contents would be missing one by one."""
    clone = tmp_path / "data" / "prompts.git"
    git(first / "prompts.git", "config", "uploadpack.allowFilter", "true")
    url = f"file://{first}/prompts.git"
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", url, str(clone))
    assert "'git clone --mirror', without --filter" in refused(clone.parent)
    shutil.rmtree(clone)
    git(tmp_path, "clone", "-q", "--mirror", url, str(clone))
    served(clone.parent)


def test_a_clone_with_files_is_refused(first: Path, tmp_path: Path) -> None:
    clone = tmp_path / "data" / "prompts.git"
    git(tmp_path, "clone", "-q", str(first / "prompts.git"), str(clone))
    assert "it is not bare. Make it one with 'git clone --mirror'" in refused(clone.parent)


def test_a_repository_of_sha256_is_refused_until_it_is_brought_over(first: Path, tmp_path: Path) -> None:
    other, new = tmp_path / "other" / "prompts.git", tmp_path / "data" / "prompts.git"
    git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", "-b", "main", str(other))
    git(other, "fast-import", "--quiet", data=git(first / "prompts.git", "fast-export", "--all"))
    assert "its objects are named by SHA-256" in (said := refused(other.parent))
    assert "'git fast-export --all', and 'git fast-import' in a new bare repository" in said
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(new))
    git(new, "fast-import", "--quiet", data=git(other, "fast-export", "--all"))
    served(new.parent)


def test_a_reftable_is_refused_until_it_is_files(first: Path) -> None:
    """With git 2.46 or later the way out is gone, with an older one such a repository can only be pretended."""
    repository = first / "prompts.git"
    (first / "index.sqlite3").unlink()
    new = {"PATH": os.pathsep.join([LATE_GIT, os.environ["PATH"]])}
    tried = subprocess.run(
        ["git", "-C", repository, "refs", "migrate", "--ref-format=reftable"], env=environment(**new)
    )
    if tried.returncode:
        git(repository, "config", "core.repositoryFormatVersion", "1")
        git(repository, "config", "extensions.refStorage", "reftable")
    assert "Run 'git refs migrate --ref-format=files' in it" in refused(first)
    if tried.returncode:
        git(repository, "config", "-f", "config", "--unset", "extensions.refStorage")
    else:
        git(repository, "refs", "migrate", "--ref-format=files", **new)
    served(first)


def test_borrowed_objects_are_warned_of_and_missed_when_they_are_gone(first: Path, tmp_path: Path) -> None:
    """It works with alternates, which another repository's gc may empty."""
    clone, lender = tmp_path / "data" / "prompts.git", first / "prompts.git"
    git(tmp_path, "clone", "-q", "--bare", "--shared", str(lender), str(clone))
    with Server(clone.parent, "--workers", "1") as server:
        http = Http(server.url)
        (warning,) = http("GET", "/readyz").json["warnings"]
        assert warning in server.raw_log
        assert "Run 'git repack -a -d' in it, and then remove its file objects/info/alternates" in warning
        client = Client(server.url, "second")
        assert client.create() is not None
        lender.rename(first / "away")
        answer = http("GET", "/readyz")
        assert (answer.status, answer.json["code"]) == (503, "not_ready")
        assert f"borrows objects from {lender}/objects, which cannot be read" in answer.json["detail"]
        (first / "away").rename(lender)
        assert http("GET", "/readyz").status == 200
        check(clone, client.known)
    lender.rename(first / "away")
    done = command("serve", "--data", str(clone.parent), "--port", "0")
    assert (done.returncode, done.stderr.count("\n"), "cannot be read" in done.stderr) == (1, 1, True), done.stderr
    (first / "away").rename(lender)
    git(clone, "repack", "-adq")
    (clone / "objects" / "info" / "alternates").unlink()
    shutil.rmtree(lender)
    served(clone.parent)


def test_a_folder_that_cannot_be_written_to_is_refused(first: Path, tmp_path: Path) -> None:
    before = git_text(first / "prompts.git", "rev-parse", "main")
    with read_only(first, tmp_path / "seen") as folder:
        done = command("serve", "--data", str(folder), "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "its folder cannot be written to: Read-only file system." in done.stderr
    assert git_text(first / "prompts.git", "rev-parse", "main") == before


@contextmanager
def over_sftp(folder: Path, at: Path) -> Iterator[None]:
    """*folder*, seen at *at* through SFTP, a network file system for which the kernel needs to know FUSE alone."""
    program, server = shutil.which("sshfs"), Path("/usr/lib/openssh/sftp-server")
    if program is None or not server.exists() or os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("needs root, sshfs and sftp-server")
    at.mkdir()
    caller = at.with_suffix(".sh")
    caller.write_text(f"#!/bin/sh\nexec {server}\n")
    caller.chmod(0o755)
    done = subprocess.run([program, "-o", f"ssh_command={caller}", f"x:{folder}", at], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted by FUSE here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


@pytest.mark.skipif(not LONG, reason="of the long form: make faults")
def test_a_network_file_system_is_warned_of(first: Path, tmp_path: Path) -> None:
    """What can be told of NFS, SMB and their like: it may work, and nothing is promised."""
    with over_sftp(first, tmp_path / "far"), Server(tmp_path / "far", "--workers", "1") as server:
        (warning,) = Http(server.url)("GET", "/readyz").json["warnings"]
        assert "is on a network file system (fuse.sshfs)" in warning
        assert warning in server.raw_log
        assert Http(server.url)("GET", "/api/prompts").json[0]["version_number"] == 2
        assert server.stop() == 0


@pytest.mark.skipif(not LONG, reason="of the long form: make faults")
def test_a_file_system_that_folds_case_keeps_all(tmp_path: Path) -> None:
    """Nothing that promptgit or git writes differs from something else in case alone."""
    with disk_of(FOLDED_EXT4, tmp_path / "disk") as disk:
        folded = disk.root / "folded"
        folded.mkdir()
        done = subprocess.run(["chattr", "+F", folded], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no folder can fold case here: {done.stderr.strip()}")
        with Server(folded / "data") as server, Load([server.url]) as load:
            load.until(50)
        known: Known = load.known()
        assert check(folded / "data" / "prompts.git", known) > 50
        assert not known.refused
