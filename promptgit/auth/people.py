"""People who have signed in with an account, and their sessions. Of a session's secret only a hash is kept.

A session ends 8 hours after its last use, 7 days after it began, by signing out, and when an administrator ends it.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from promptgit.auth.accounts import Account
from promptgit.auth.credentials import digest_of
from promptgit.auth.people_file import PeopleFile, put, row, rows
from promptgit.auth.people_rows import (
    Session,
    account_in,
    account_with,
    accounts_with,
    forget_ended,
    is_open,
    keep,
    people_of,
    record_of,
    session_of,
)
from promptgit.domain.rights import ADMINISTRATOR, PERSON, same_person
from promptgit.errors import PersonNotFound, PromptgitError
from promptgit.store.access_log import AccessLog, Who, who
from promptgit.store.files import Mark, is_settled

log = logging.getLogger(__name__)

PREFIX = "session_"

_USE = 60  # seconds in which a use is noted once: pages do not write


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody was sent to the provider at *began*, in seconds since 1970; the browser keeps this until they come back.

    *silent*: only to renew the session that there is. *following* is where they go afterwards.
    """

    state: str
    nonce: str
    verifier: str
    began: int
    silent: bool
    following: str


class MustAskAgain(Exception):
    """What the person of a session may do is not known any more: the browser has to ask the provider."""


class People:
    """The people of one data folder; several processes may use them at the same time.

    *clock* gives seconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = PeopleFile(folder)
        self.log = AccessLog(folder, clock)
        self.clock = clock
        # Replaced as a whole, for threads read it without a lock: what the file looked like, and people in it, by id.
        self._known: tuple[Mark | None, dict[str, Account]] = (None, {})

    def begin(self, account: Account, renewal: str | None = None) -> str:
        """Begin a session of a person, as the provider has just described them; gives its secret.

        Raises:
            LockTimeout, StorageFull, StorageFailed
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        now = int(self.clock())

        def change(connection: sqlite3.Connection) -> Account:
            forget_ended(connection, now)
            known = keep(connection, account, now)
            record = {"person": known.id, "began": now, "used": now, "asked": now, "tried": now, "renewal": renewal}
            put(connection, "sessions", digest_of(secret), record)
            return known

        known = self._file.write(change)
        self.log.note("signed_in", by=who(known.rights, known.identity))
        return secret

    def see(self, account: Account) -> Account:
        """The person as a proxy describes them in this request. What is new is kept, and once a minute the use.

        A full disk keeps nobody from reading.
        """
        now = int(self.clock())
        before = self.account(account.id)
        if before is not None:
            known = replace(before, name=account.name, email=account.email, grant=account.grant, is_shut_out=False)
            if known == before and now - before.last_seen < _USE:
                return before
            account = known
        try:
            return self._file.write(lambda connection: keep(connection, account, now))
        except PromptgitError as error:
            log.error("%s is let in, and cannot be written down: %s", account.email, error)
            return account

    def account(self, key: str) -> Account | None:
        """The person with this id; None if `people.sqlite3` has no such person, as after it was lost."""
        mark = self._file.mark()
        seen, known = self._known
        if mark is not None and mark == seen and key in known:
            return known[key]
        found = self._file.read(lambda connection: account_in(row(connection, "accounts", key)), None)
        if mark is not None and found is not None and is_settled(mark):
            self._known = (mark, (known if mark == seen else {}) | {key: found})
        return found

    def shut_out(self, key: str) -> None:
        """Have the tokens of the person with this id rest until they are let in again.

        Raises:
            LockTimeout, StorageFull, StorageFailed: they go on.
        """
        account = self.account(key)
        if account is None or account.is_shut_out:
            return

        def change(connection: sqlite3.Connection) -> None:
            if (current := row(connection, "accounts", key)) is not None:
                put(connection, "accounts", key, current | {"is_shut_out": True})

        self._file.write(change)

    def session(self, secret: str) -> Session | None:
        """The session with this secret, whose use is noted; None: it has ended, or never was."""
        key, now = digest_of(secret), int(self.clock())
        found = self._file.read(lambda connection: session_of(connection, secret, now), None)
        if found is not None and now - found.used >= _USE:

            def use(connection: sqlite3.Connection) -> None:
                current = row(connection, "sessions", key)
                account = row(connection, "accounts", found.account.id)
                if current is not None and account is not None:
                    put(connection, "sessions", key, current | {"used": now})
                    put(connection, "accounts", found.account.id, account | {"last_seen": now})

            try:
                self._file.write(use)
            except PromptgitError:  # of a full disk, which keeps nobody from reading
                return found
        return found

    def try_(self, session: Session) -> bool:
        """True for one process at a time: it asks the provider now. The others see when it has begun, as `tried`.

        Raises:
            LockTimeout, StorageFull, StorageFailed
        """
        key, now = digest_of(session.secret), int(self.clock())

        def change(connection: sqlite3.Connection) -> bool:
            current = row(connection, "sessions", key)
            if current is None or current["tried"] != session.tried or now == session.tried:
                return False
            put(connection, "sessions", key, current | {"tried": now})
            return True

        return self._file.write(change)

    def renew(self, secret: str, account: Account, renewal: str | None) -> Account | None:
        """The person of a session, as the provider has just described them; None: the session has ended.

        Raises:
            LockTimeout, StorageFull, StorageFailed
        """
        key, now = digest_of(secret), int(self.clock())

        def change(connection: sqlite3.Connection) -> Account | None:
            if (current := session_of(connection, secret, now)) is None or current.account.id != account.id:
                return None
            known = keep(connection, account, now)
            record = row(connection, "sessions", key) or {}
            put(connection, "sessions", key, record | {"asked": now, "used": now, "tried": now, "renewal": renewal})
            return known

        return self._file.write(change)

    def doubt(self, secret: str) -> None:
        """Have the provider asked by the browser before the session is used again.

        Raises:
            LockTimeout, StorageFull, StorageFailed
        """
        key = digest_of(secret)

        def change(connection: sqlite3.Connection) -> None:
            if (current := row(connection, "sessions", key)) is not None:
                put(connection, "sessions", key, current | {"asked": 0, "renewal": None})

        self._file.write(change)

    def end(self, secret: str) -> None:
        """End one session.

        Raises:
            LockTimeout, StorageFull, StorageFailed: it goes on.
        """
        self._file.write(
            lambda connection: connection.execute("DELETE FROM sessions WHERE key = ?", (digest_of(secret),))
        )

    def end_all(self, which: str, *, by: Who | None = None) -> tuple[Account, int]:
        """End all sessions of the person with this id or address, and how many there were.

        What the person has approved until now does not count any more. *by* is who ends them; None: the user of this
        process. They end also where the access log cannot have an entry.

        Raises:
            PersonNotFound: nobody who has signed in has it.
            LockTimeout, StorageFull, StorageFailed: they go on.
        """
        now = int(self.clock())

        def change(connection: sqlite3.Connection) -> tuple[Account, int] | None:
            found = account_in(row(connection, "accounts", which)) or account_with(connection, which)
            if found is None:
                return None
            open_ = sum(1 for _, record in rows(connection, "sessions") if is_open(record, found.id, now))
            connection.execute("DELETE FROM sessions WHERE person = ?", (found.id,))
            ended = replace(found, endings=found.endings + 1, ended=now)
            put(connection, "accounts", ended.id, record_of(ended))
            return ended, open_

        done = self._file.write(change)
        if done is None:
            raise PersonNotFound(which)
        account, count = done
        self.log.note(
            "session_ended",
            by=by or who(ADMINISTRATOR, None),
            person=account.name,
            id=account.id,
            owner=account.owner,
            sessions=count,
        )
        return account, count

    def all(self) -> list[tuple[Account, int]]:
        """Everybody who has signed in, by name, with the number of sessions that have not ended."""
        now = int(self.clock())

        def query(connection: sqlite3.Connection) -> list[tuple[Account, int]]:
            sessions = [record for _, record in rows(connection, "sessions")]
            found = [account for _, record in rows(connection, "accounts") if (account := account_in(record))]
            return [(one, sum(is_open(record, one.id, now) for record in sessions)) for one in found]

        nobody: list[tuple[Account, int]] = []
        return sorted(self._file.read(query, nobody), key=lambda one: (same_person(one[0].name), one[0].id))

    def are_ended(self, credential: str) -> bool:
        """True if an administrator has ended the person's sessions since the person had this `Rights.credential`.

        Somebody who is not known is not ended: the file may have been lost, or another node may know them.
        """
        key, _, endings = credential.removeprefix(PERSON).partition(".")
        account = self.account(key)
        return account is not None and endings != str(account.endings)

    def addresses_of(self, owner: str) -> frozenset[str]:
        """Every address that the people who may be this owner have had."""

        def query(connection: sqlite3.Connection) -> frozenset[str]:
            statement = "SELECT address FROM addresses WHERE person = ?"
            found = (connection.execute(statement, (key,)) for key in people_of(connection, owner))
            return frozenset(address for rows_ in found for (address,) in rows_)

        return self._file.read(query, frozenset())

    def known_owners(self, owner: str) -> frozenset[str]:
        """The owners that people have who have signed in, if *owner* is, or was, an address of theirs; else itself."""

        def query(connection: sqlite3.Connection) -> frozenset[str]:
            return frozenset(account.owner for account in accounts_with(connection, owner))

        return self._file.read(query, frozenset()) or frozenset({owner})
