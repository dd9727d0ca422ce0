"""What the rows of `people.sqlite3` say: accounts with their addresses, and sessions."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, replace

from promptgit.auth.accounts import Account, Grant, account_id
from promptgit.auth.credentials import Scope, digest_of
from promptgit.auth.people_file import Row, put, row, rows
from promptgit.domain.rights import same_person
from promptgit.errors import Invalid

IDLE = 8 * 3_600  # seconds since the last use of a session
MOST = 7 * 86_400  # seconds since it began

_AHEAD = 60  # seconds by which a clock may be put back


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has not ended, and whose it is; times are in seconds since 1970.

    *asked* is when the provider said what *account* may do, *tried* when it was last asked for that. *renewal* is what
    it can be asked with, encrypted; None: nothing, the browser has to go there.
    """

    secret: str
    account: Account
    began: int
    used: int
    asked: int
    tried: int
    renewal: str | None


def keep(connection: sqlite3.Connection, account: Account, now: int) -> Account:
    """Write what the provider has said of a person; what we know in addition stays."""
    before = account_in(row(connection, "accounts", account.id)) or replace(account, first_seen=now)
    known = replace(account, first_seen=before.first_seen, last_seen=now, endings=before.endings, ended=before.ended)
    put(connection, "accounts", known.id, record_of(known))
    connection.execute("INSERT OR IGNORE INTO addresses VALUES (?, ?)", (same_person(known.email), known.id))
    return known


def session_of(connection: sqlite3.Connection, secret: str, now: int) -> Session | None:
    """The session with this secret; None: it has ended, or never was."""
    record = row(connection, "sessions", digest_of(secret))
    if record is None or not is_open(record, record["person"], now):
        return None
    account = account_in(row(connection, "accounts", record["person"]))
    if account is None:
        return None
    return Session(
        secret, account, record["began"], record["used"], record["asked"], record["tried"], record["renewal"]
    )


def is_open(record: Row, person: str, now: int) -> bool:
    """True of the row of a session that is this person's and has not ended. One from the future is not believed."""
    idle, age = now - record["used"], now - record["began"]
    return bool(record["person"] == person and -_AHEAD <= idle < IDLE and age < MOST)


def forget_ended(connection: sqlite3.Connection, now: int) -> None:
    """Remove the rows of sessions that have ended by themselves."""
    ended = [(key,) for key, record in rows(connection, "sessions") if not is_open(record, record["person"], now)]
    connection.executemany("DELETE FROM sessions WHERE key = ?", ended)


def accounts_with(connection: sqlite3.Connection, address: str) -> list[Account]:
    """Who has this address, or had it before the provider gave it to somebody else."""
    found = connection.execute("SELECT person FROM addresses WHERE address = ?", (same_person(address),)).fetchall()
    return [account for (key,) in found if (account := account_in(row(connection, "accounts", key)))]


def account_with(connection: sqlite3.Connection, address: str) -> Account | None:
    """Of those who had this address, who was seen last."""
    known = accounts_with(connection, address)
    return max(known, key=lambda account: (account.last_seen, account.id), default=None)


def people_of(connection: sqlite3.Connection, owner: str) -> list[str]:
    """The keys of the people who may be this owner; of an address several."""
    if known := accounts_with(connection, owner):
        return [account.id for account in known]
    issuer, _, subject = owner.partition("#")
    return [account_id(issuer, subject)]


def record_of(account: Account) -> Row:
    """The row of an account."""
    return asdict(account) | {"grant": asdict(account.grant) | {"scope": account.scope.word}}


def account_in(record: Row | None) -> Account | None:
    """The account in a row; None: there is none, or another version of promptgit has written it."""
    if record is None:
        return None
    try:
        grant = record["grant"]
        prefixes = grant["prefixes"]
        found = Grant(
            Scope.of(grant["scope"]),
            tuple(grant["may_move"]),
            tuple(grant["may_check"]),
            None if prefixes is None else tuple(prefixes),
        )
        return Account(**record | {"grant": found})
    except (KeyError, TypeError, AttributeError, Invalid):
        return None
