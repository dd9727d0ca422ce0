"""Disks that lose power: file systems in image files, mounted through a loop device.

An image, copied while it is mounted, holds what the kernel has handed to the disk so far: what a power cut would leave.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.support import processes_of, stat_of, wait_for


@dataclass(frozen=True)
class FileSystem:
    """A kind of file system: how it is made and mounted (*type*: as which; by itself where empty); sizes are in MiB."""

    name: str
    make: tuple[str, ...]
    options: str
    size: int
    type: str = ""

    def __str__(self) -> str:
        return self.name


LAZY_EXT4 = FileSystem("ext4-commit=300", ("mkfs.ext4", "-q"), "commit=300", 64)
"""Writes on its own only every 300 s: what is not fsynced is lost."""
EXT4 = FileSystem("ext4", ("mkfs.ext4", "-q"), "", 64)
XFS = FileSystem("xfs", ("mkfs.xfs", "-q"), "nouuid", 300)
VFAT = FileSystem("vfat", ("mkfs.vfat",), "", 64)
"""Has no hard links."""
EXFAT = FileSystem("exfat", ("mkfs.exfat",), "", 64, type="exfat-fuse")
"""Has none either, and takes `a` and `A` for one name."""
FOLDED_EXT4 = FileSystem("ext4-casefold", ("mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8"), "", 64)
"""Takes `a` and `A` for one name in folders that say so (`chattr +F`); has hard links."""

TRIED = [LAZY_EXT4, EXT4, XFS] if LONG else [LAZY_EXT4]
"""The file systems that a case tries."""


class Disk:
    """A new, mounted file system; *root* is a folder in it that the power cut does not concern."""

    def __init__(self, kind: FileSystem, folder: Path) -> None:
        self._kind, self._folder = kind, folder
        self._image, self._mounted = folder / "disk.img", folder / "disk"
        make = shutil.which(kind.make[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if make is None or shutil.which("mount") is None:
            pytest.skip(f"needs {kind.make[0]} and mount")
        with open(self._image, "wb") as file:
            file.truncate(kind.size << 20)
        _run(make, *kind.make[1:], str(self._image))
        self._mount(self._image, self._mounted)
        self.root = self._mounted / "root"
        self.root.mkdir()
        self.sync()

    def _mount(self, image: Path, where: Path) -> None:
        where.mkdir()
        options = ",".join(["loop", *filter(None, [self._kind.options])])
        kind = ["-t", self._kind.type] if self._kind.type else []
        command = ["mount", *kind, "-o", options, str(image), str(where)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and image == self._image:
            pytest.skip(f"{self._kind} cannot be mounted here: {done.stderr.strip()}")
        assert not done.returncode, done.stderr

    def sync(self) -> None:
        """Bring all that was written so far to the disk."""
        _run("sync", "--file-system", str(self._mounted))

    @contextmanager
    def after_power_cut(self) -> Iterator[Path]:
        """What *root* holds after a power cut now, which does not reach those who go on writing.

        Have them stopped (`standing_still`): a copy takes some time.
        """
        copy, where = self._folder / "copy.img", self._folder / "copy"
        before = None
        while before != (before := self._image.stat().st_mtime_ns):  # the kernel may be writing
            _run("cp", "--sparse=always", str(self._image), str(copy))
        self._mount(copy, where)
        try:
            yield where / "root"
        finally:
            _run("umount", str(where))
            where.rmdir()
            copy.unlink()

    def close(self) -> None:
        """Unmount it."""
        if os.path.ismount(self._mounted):
            _run("umount", "--lazy", str(self._mounted))
        self._image.unlink()


@contextmanager
def disk_of(kind: FileSystem, folder: Path) -> Iterator[Disk]:
    """A disk in *folder*, for a while."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount")
    folder.mkdir(exist_ok=True)
    disk = Disk(kind, folder)
    try:
        yield disk
    finally:
        disk.close()


class SmallDisk:
    """A file system in memory that has few bytes and few inodes, mounted at *root*."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def full_of(self, what: str) -> Iterator[None]:
        """No byte (`bytes`) or no inode (`inodes`) is free, for a while; what others free meanwhile stays free."""
        filler = self.root / "filler"
        filler.mkdir()
        with suppress(OSError), open(filler / "bytes", "wb", buffering=0) as file:
            for at in count():
                if what == "inodes":
                    (filler / f"{at}").touch()
                else:
                    file.write(bytes(1 << 12))  # the size of a page: nothing less is left
        try:
            yield
        finally:
            shutil.rmtree(filler)


@contextmanager
def small_disk(folder: Path, *, megabytes: int = 64, inodes: int = 2_000) -> Iterator[SmallDisk]:
    """A small disk in *folder*, for a while."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount")
    folder.mkdir()
    options = f"size={megabytes}m,nr_inodes={inodes}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


@contextmanager
def read_only(folder: Path, at: Path) -> Iterator[Path]:
    """The folder, seen at *at* as of a file system that can only be read, for a while."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount")
    at.mkdir()
    done = subprocess.run(["mount", "--bind", folder, at], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot be mounted here: {done.stderr.strip()}")
    try:
        _run("mount", "-o", "remount,bind,ro", str(at))
        yield at
    finally:
        _run("umount", str(at))


@contextmanager
def standing_still(session: int) -> Iterator[None]:
    """All processes of a session are stopped meanwhile, none of them within a system call."""
    stopped = processes_of(session)
    for process in stopped:
        os.kill(int(process.name), signal.SIGSTOP)
    threads = [thread for process in stopped for thread in (process / "task").iterdir()]
    wait_for(lambda: all(stat_of(thread)[0] in "Tt" for thread in threads))
    try:
        yield
    finally:
        for process in stopped:
            with suppress(ProcessLookupError):  # a master that goes on replaces a worker that stood still for long
                os.kill(int(process.name), signal.SIGCONT)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
