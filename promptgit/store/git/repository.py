"""The bare repository `prompts.git`, the only source of truth."""

from __future__ import annotations

import weakref
from pathlib import Path

import pygit2

from promptgit.domain.models import Author
from promptgit.errors import Damaged, PromptgitError, UnusableRepository
from promptgit.store.files import failure, fsync_tree, storage_errors, write_all_durably
from promptgit.store.git import birth, kinds, objects, packs
from promptgit.store.git.claim import Claim
from promptgit.store.git.command import Git
from promptgit.store.git.commits import Batch, Edit
from promptgit.store.git.contents import Contents
from promptgit.store.git.essentials import NOT_BARE, Essentials
from promptgit.store.git.loose import is_cut_short
from promptgit.store.git.objects import Tree
from promptgit.store.git.opened import Opened, set_up_libgit2
from promptgit.store.git.own_refs import OwnRefs
from promptgit.store.git.refs import MAIN, MainFile
from promptgit.store.git.unreadable import Unreadable
from promptgit.store.handles import Handles

_TREES_KEPT = 1_000
_CONTENTS_KEPT, _LARGEST_KEPT = 128, 16 << 10  # of one process, and bytes
_TIDY_EVERY = 16  # batches


class Repository:
    """A bare repository; safe to share between threads, each of which opens it for itself.

    A lock of `main` that another program holds is waited for *patience* seconds.
    """

    def __init__(self, path: Path, committer: Author, *, patience: float = 10.0) -> None:
        self.path = path
        self.committer = committer
        self.main_file = MainFile(path, lambda: self.main(), self._moves_are_logged, patience)
        self.unreadable = Unreadable(path / "promptgit-damaged", self.main)
        self.git = Git(path, note=self.unreadable.note)
        self.essentials = Essentials(path)
        self._contents = Contents(_CONTENTS_KEPT, _LARGEST_KEPT)  # read or stored lately
        self._trees: dict[str, Tree] = {}  # by id; only used under the write lock
        self._objects = path / "objects"
        self.packs = self._objects / "pack"
        self.claim = Claim(path / "promptgit-upkeep")
        self._unreached = self.packs  # the newest pack, until `main` reaches it
        self._untidied = 0
        self._local = Handles({})
        self.led = self._local.of_leader
        self._opened = Opened(path, self.packs, self._local)
        self.own_refs = OwnRefs(self._opened)
        set_up_libgit2()

    def is_complete(self) -> bool:
        """Whether the repository is there, with a branch main.

        Raises:
            UnusableRepository: git could not open it, or it is of a kind that is not served.
        """
        if not self.path.exists():
            return False
        self.essentials.expect_whole()
        if (obstacle := kinds.of_packs(self.path)) is not None:
            raise UnusableRepository(str(self.path), obstacle)
        return self._opened().is_bare and self._has_main()

    def _has_main(self) -> bool:
        try:
            return MAIN in self._opened().references
        except (OSError, pygit2.GitError) as error:  # it is empty, or holds no commit's id
            raise self._unreadable_main(error) from error

    def create(self, now: int, origin: birth.Origin | None = None) -> None:
        """Make the repository, or complete one that has no `main` yet; call it under the write lock.

        A new one begins with a first commit, or with the commit that *origin* gives in its place.

        Raises:
            UnusableRepository: there is something, but no bare repository that may be opened.
        """
        with storage_errors():
            if not self.path.exists():
                birth.create(self.path, self.committer, now, origin)
            elif not self._opened().is_bare:
                raise UnusableRepository(str(self.path), NOT_BARE)
            elif not self._has_main():
                self._expect_empty()
                birth.write_first_commit(self._opened(), self.committer, now)
                fsync_tree(self.path)

    def _expect_empty(self) -> None:
        """Refuse to begin a history where there is one without its branch."""
        if any(self._opened().odb):
            raise UnusableRepository(
                str(self.path),
                "it has objects, but no branch main. Find its last commit with 'git fsck --lost-found', "
                "and bring it back with 'git update-ref refs/heads/main <commit>'.",
            )

    def close(self) -> None:
        """Close this thread's handle; the next use opens another."""
        self._opened.close()

    def main(self) -> str:
        """The commit that `main` points at."""
        try:
            target = self._opened().lookup_reference(MAIN).target
        except KeyError:
            reason = "it has no branch main. Bring it back with 'git update-ref refs/heads/main <commit>'."
            raise UnusableRepository(str(self.path), reason) from None
        except (OSError, pygit2.GitError) as error:
            raise self._unreadable_main(error) from error
        if isinstance(target, str):
            raise UnusableRepository(str(self.path), f"its main is a symbolic ref to {target}. Make it a branch.")
        return str(target)

    def head(self) -> str:
        """The ref that HEAD points at: what a clone checks out.

        Raises:
            UnusableRepository: it cannot be read.
        """
        try:
            target = str(self._opened().lookup_reference("HEAD").target)
        except (KeyError, OSError, pygit2.GitError) as error:
            raise UnusableRepository(str(self.path), f"its file HEAD cannot be read: {error}") from error
        return target.encode(errors="surrogateescape").decode(errors="replace")

    def _unreadable_main(self, error: Exception) -> PromptgitError:
        return failure(error) or UnusableRepository(
            str(self.path),
            f"its branch main cannot be read: {error}. If the disk is well, find the last commit with "
            "'git fsck --lost-found', remove the file refs/heads/main, and bring the branch back with "
            "'git update-ref refs/heads/main <commit>'.",
        )

    def read(self, oid: str) -> bytes:
        """The bytes of the object with this id in hexadecimal, of which libgit2 makes sure that they have it.

        Raises:
            Damaged: it is missing, or its bytes are not those that its id stands for.
            StorageFull, StorageFailed: the system refuses to read it, which says nothing of the object.
        """
        self._opened.close_if_packs_changed()
        try:
            return self._read(oid)
        except (KeyError, OSError, pygit2.GitError):
            self.close()  # packs come and go: look once more, with fresh eyes
            packs.drop_stale_multi_pack_index(self.packs)
        try:
            return self._read(oid)
        except (KeyError, OSError, pygit2.GitError) as error:
            reason = "it is not there" if isinstance(error, KeyError) else str(error)
            self.unreadable.note(oid, reason)
            raise failure(error) or Damaged(oid, reason) from error

    def _read(self, oid: str) -> bytes:
        if is_cut_short(self._objects, oid):
            return self.git.read(oid)  # a pack may have the object as well, or nothing has
        data: bytes = self._opened().read(oid)[1]
        return data

    def content(self, blob: str) -> bytes:
        """The bytes of a blob, which may be kept from the last time.

        Raises:
            Damaged: as `read` does.
        """
        data = self._contents.get(blob)
        if data is None:
            data = self.read(blob)
            self._contents.keep(blob, data)
        return data

    def size(self, blob: str) -> int | None:
        """The bytes that a blob has, as its header says, which is not verified; None: it cannot be read."""
        try:
            return None if is_cut_short(self._objects, blob) else int(self._opened().odb.read_header(blob)[1])
        except (KeyError, OSError, ValueError, pygit2.GitError):
            return None

    def is_commit(self, oid: str) -> bool:
        """False of a tree, a tag and a blob; True also of what cannot be read, which whoever reads it is told."""
        try:
            return bool(self._opened().odb.read_header(oid)[0] == pygit2.enums.ObjectType.COMMIT)
        except (KeyError, OSError, ValueError, pygit2.GitError):
            return True

    def file_at(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file as a stored commit (40 hexadecimal digits) has it, if it has it.

        Raises:
            Damaged: as `read` does.
        """
        oid = objects.blob_at(self.read, commit, path)
        return None if oid is None else self.read(oid)

    def batch(self, tip: str, now: int) -> Batch:
        """An empty chain of commits on top of *tip*; call it under the write lock.

        Raises:
            UnusableRepository, Damaged: git could not read what the chain would stand on.
        """
        if len(self._trees) > _TREES_KEPT:
            self._trees.clear()
        self.essentials.expect_whole()
        made = Batch(tip, now, self.committer, self.read, self._trees)
        self._local.batch = weakref.ref(made)
        return made

    def planned(self, oid: str) -> bytes:
        """The bytes of an object, also of one that this thread's batch under way has made, and not stored yet.

        Raises:
            Damaged: as `read` does.
        """
        batch: Batch | None = getattr(self._local, "batch", lambda: None)()
        return self.read(oid) if batch is None else batch.read(oid)

    def expect_possible(self, edit: Edit) -> None:
        """Refuse an edit as a batch would, on `main` as it is now; nothing is written, and no lock needed.

        Raises:
            (those of `Batch.commit`)
        """
        Batch(self.main(), 0, self.committer, self.read, {}).commit(edit)

    def store(self, batch: Batch) -> None:
        """Put the batch's objects on disk, to stay through a power cut; no ref is moved.

        Raises:
            StorageFull, StorageFailed: the disk was full, or failed; what was written is unreachable.
        """
        with storage_errors():
            self._unreached = packs.write(self.packs, batch.objects, [self.main_file.next(batch.tip)])
        for oid, (kind, data) in batch.objects.items():
            if kind == objects.BLOB:
                self._contents.keep(oid, data)

    def tidy(self) -> None:
        """Join small packs, if there may be many; call it under the write lock, after a batch."""
        self._untidied += 1
        if self._untidied >= _TIDY_EVERY:
            self._untidied = 0
            packs.roll(self.packs, self.claim.names())

    def move_main(self, old: str, new: str, now: int) -> None:
        """Move `main` from *old* to *new*, the tip of the batch that was stored last; call it under the write lock.

        *now* is in seconds since 1970, for the ref's log.

        Raises:
            MainMoved: it is not at *old*, or another program is about to move it.
            StorageFull, StorageFailed: `main` is where it was.
            OutcomeUnknown: `main` is at *new*, but a power cut may undo that.
        """
        self.main_file.move(old, new, self.committer, now)
        packs.release(self._unreached)

    def bring_main(self, old: str, new: str, now: int) -> None:
        """Move `main` from *old* to *new*, which has been fetched; call it under the write lock.

        *now* is in seconds since 1970, for the ref's log.

        Raises:
            MainLocked: another program kept its lock of `main`.
            (and those of `move_main`)
        """
        self.main_file.expect_unlocked()
        with storage_errors():
            write_all_durably([self.main_file.next(new)])
        self.main_file.move(old, new, self.committer, now)

    def reaches(self, tip: str, commit: str) -> bool:
        """True if *commit* is *tip*, or one of its ancestors.

        Raises:
            Damaged, UnusableRepository: a commit on the way cannot be read.
        """
        # git walks, not libgit2, which never ends reading a loose commit that was cut short.
        return tip == commit or (
            commit in self and not self.git.printed("rev-list", "-n", "1", commit, f"^{tip}", "--")
        )

    def _moves_are_logged(self) -> bool:
        """True if git would begin a log of `main`: not in a bare repository, unless it is told to (git-config(1))."""
        try:
            return str(self._opened().config["core.logAllRefUpdates"]).lower() not in ("false", "no", "off", "0", "")
        except KeyError:
            return False

    def __contains__(self, oid: str) -> bool:
        # Not `in git`: libgit2 cannot parse every commit that git keeps.
        return len(oid) == 40 and self._opened().odb.exists(oid)
