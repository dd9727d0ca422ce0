"""Settings, and the only reader of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from promptgit.domain import hosts, labels
from promptgit.errors import Invalid

MOST_WORKERS = 1_024
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~%-]+)*", re.ASCII)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_USER = ("user_header", "user_groups_header", "user_roles", "user_scope")
_OIDC = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_client_secret_file", "oidc_roles", "oidc_name")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the environment variable `PROMPTGIT_<FIELD>`; sizes in bytes, times in seconds."""

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 8000
    uds: str = ""
    url_prefix: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    trusted_proxies: str = ""
    workers: int = -1  # as left out: 1 with an upstream, otherwise 2
    threads: int = 8
    max_content_bytes: int = 1 << 20
    lock_timeout: float = 10.0
    client_timeout: float = 10.0
    auth: str = "on"
    allowed_hosts: str = ""
    cors_origins: str = ""
    log_level: str = "info"
    git_clones: int = 4
    mirror: str = field(default="", repr=False)  # it may hold a password
    upkeep_interval: float = 30.0
    signing_key: str = ""
    protected_labels: str = ""
    upstream: str = field(default="", repr=False)  # it may hold a password
    upstream_timeout: float = 60.0
    upstream_poll: float = 2.0
    upstream_secret: str = field(default="", repr=False)
    push_interval: float = -1.0  # as left out: 0 to the upstream, 10 to the mirror
    deliver_hooks: bool = False
    tokens: str = ""
    web_key: str = ""
    hooks: str = ""
    public_url: str = ""
    usage: str = "on"
    usage_days: int = 90
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_client_secret_file: str = ""
    oidc_roles: str = ""
    oidc_scopes: str = "openid email profile"
    oidc_name: str = ""
    user_header: str = ""
    user_groups_header: str = ""
    user_roles: str = ""
    user_scope: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **flags: object) -> Settings:
        """The settings of an environment; *flags* that are not None win over it.

        Raises:
            ValueError: a variable has a value that its setting cannot have.
        """
        values: dict[str, Any] = {}
        for setting in fields(cls):
            variable = f"PROMPTGIT_{setting.name.upper()}"
            if flags.get(setting.name) is not None:
                values[setting.name] = flags[setting.name]
            elif environment.get(variable):
                values[setting.name] = _parse(variable, environment[variable], type(setting.default))
        return cls(**values)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"PROMPTGIT_PORT is {self.port}; give a port from 0 to 65535.")
        if self.url_prefix and not _PREFIX.fullmatch(self.url_prefix):
            raise ValueError(f"PROMPTGIT_URL_PREFIX is {self.url_prefix!r}; give a path such as '/prompts-api'.")
        if self.public_url and not _PUBLIC_URL.fullmatch(self.public_url):
            raise ValueError(
                f"PROMPTGIT_PUBLIC_URL is {self.public_url!r}; give the address of this service for people, such as "
                "'https://prompts.example.org', without a slash at the end."
            )
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("TLS takes both PROMPTGIT_TLS_CERTIFICATE and PROMPTGIT_TLS_KEY.")
        for file in (self.tls_certificate, self.tls_key):
            if file and not os.access(file, os.R_OK):
                raise ValueError(f"{file} cannot be read. Give PROMPTGIT_TLS_CERTIFICATE and _KEY files in PEM.")
        try:
            hosts.Proxies(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(
                f"PROMPTGIT_TRUSTED_PROXIES: {error}; give addresses or networks, or 'unix', with commas between."
            ) from None
        for name in ("threads", "max_content_bytes", "git_clones"):
            if getattr(self, name) < 1:
                raise ValueError(f"PROMPTGIT_{name.upper()} is {getattr(self, name)}; give at least 1.")
        if self.workers != -1 and not 1 <= self.workers <= MOST_WORKERS:
            raise ValueError(f"PROMPTGIT_WORKERS is {self.workers:,}; give 1 to {MOST_WORKERS:,}.")
        if not 0 <= self.lock_timeout <= 3_600:
            raise ValueError(f"PROMPTGIT_LOCK_TIMEOUT is {self.lock_timeout}; give 0 to 3,600 seconds.")
        if not 0 < self.client_timeout <= 3_600:
            raise ValueError(f"PROMPTGIT_CLIENT_TIMEOUT is {self.client_timeout}; give up to 3,600 seconds.")
        if self.auth not in ("on", "required", "off"):
            raise ValueError(f"PROMPTGIT_AUTH is {self.auth!r}; give 'on', 'required' or 'off'.")
        if self.usage not in ("on", "off"):
            raise ValueError(f"PROMPTGIT_USAGE is {self.usage!r}; give 'on' or 'off'.")
        if not 1 <= self.usage_days <= 3_650:
            raise ValueError(f"PROMPTGIT_USAGE_DAYS is {self.usage_days}; give 1 to 3,650 days.")
        self._check_oidc()
        self._check_user_header()
        for host in _items(self.allowed_hosts):
            if "://" in host and hosts.origin_of(host) is None:
                raise ValueError(f"PROMPTGIT_ALLOWED_HOSTS has {host!r}; give a name, name:port or https://name:port.")
        for origin in _items(self.cors_origins):
            if hosts.origin_of(origin) is None:
                raise ValueError(
                    f"PROMPTGIT_CORS_ORIGINS has {origin!r}; give each origin as https://name or with :port."
                )
        if self.log_level not in LOG_LEVELS:
            raise ValueError(f"PROMPTGIT_LOG_LEVEL is {self.log_level!r}; give {', '.join(LOG_LEVELS)}.")
        for name in ("mirror", "upstream"):
            try:
                urlsplit(getattr(self, name))
            except ValueError:  # it tells the address, which may hold a password
                raise ValueError(f"PROMPTGIT_{name.upper()} is no address; give one that 'git push' takes.") from None
        for name, least in (("upstream_timeout", 1.0), ("upstream_poll", 0.1)):
            if not least <= getattr(self, name) <= 3_600:
                raise ValueError(f"PROMPTGIT_{name.upper()} is {getattr(self, name)}; give {least:g} to 3,600 seconds.")
        if self.push_interval > 3_600:
            raise ValueError(f"PROMPTGIT_PUSH_INTERVAL is {self.push_interval}; give 0 to 3,600 seconds.")
        try:
            for label in self.protected:
                labels.check(label)
        except Invalid as error:
            raise ValueError(
                f"PROMPTGIT_PROTECTED_LABELS is {self.protected_labels!r}; give labels with commas between. {error}"
            ) from None
        if not 0 <= self.upkeep_interval <= 86_400:
            raise ValueError(f"PROMPTGIT_UPKEEP_INTERVAL is {self.upkeep_interval}; give 0 (never) to 86,400 seconds.")

    def _check_oidc(self) -> None:
        given = {name for name in _OIDC if getattr(self, name)}
        if not given:
            return
        for name in ("oidc_issuer", "oidc_client_id", "oidc_roles", "public_url"):
            if not getattr(self, name):
                raise ValueError(f"Signing in with accounts (PROMPTGIT_OIDC_*) takes PROMPTGIT_{name.upper()}, too.")
        if bool(self.oidc_client_secret) == bool(self.oidc_client_secret_file):
            raise ValueError(
                "Signing in with accounts takes PROMPTGIT_OIDC_CLIENT_SECRET, or PROMPTGIT_OIDC_CLIENT_SECRET_FILE."
            )
        if not hosts.is_safe_address(self.oidc_issuer) or set("?#") & set(self.oidc_issuer):
            raise ValueError(
                f"PROMPTGIT_OIDC_ISSUER is {self.oidc_issuer!r}; give the https address that the provider says it has, "
                "such as 'https://login.example.org/realms/team'."
            )
        if "openid" not in self.oidc_scopes.split():
            raise ValueError(
                f"PROMPTGIT_OIDC_SCOPES is {self.oidc_scopes!r}; it needs 'openid', 'email' and 'profile'."
            )
        if self.auth == "off":
            raise ValueError(
                "With PROMPTGIT_AUTH=off nobody is told apart: leave out PROMPTGIT_OIDC_ISSUER, or set 'on'."
            )

    def _check_user_header(self) -> None:
        if not any(getattr(self, name) for name in _USER):
            return
        for header in (self.user_header, self.user_groups_header or "X-Groups"):
            if not _HEADER.fullmatch(header):
                raise ValueError(
                    f"PROMPTGIT_USER_HEADER and PROMPTGIT_USER_GROUPS_HEADER: {header!r} is no name of a header; give "
                    "one such as 'X-Forwarded-Email', and the first of them with any other PROMPTGIT_USER_*."
                )
        if not self.trusted_proxies:
            raise ValueError(
                "PROMPTGIT_USER_HEADER takes PROMPTGIT_TRUSTED_PROXIES, too: anybody else could send that header."
            )
        if self.oidc_issuer or self.auth == "off":
            other = "PROMPTGIT_OIDC_ISSUER" if self.oidc_issuer else "PROMPTGIT_AUTH=off"
            raise ValueError(f"PROMPTGIT_USER_HEADER and {other} both say who somebody is: leave one of them out.")
        if self.user_scope not in ("", "read", "write", "admin") or not (self.user_scope or self.user_roles):
            raise ValueError(
                "PROMPTGIT_USER_HEADER takes PROMPTGIT_USER_SCOPE ('read', 'write' or 'admin', for everybody), "
                "PROMPTGIT_USER_ROLES (a file), or both."
            )

    @property
    def has_accounts(self) -> bool:
        """True if people are told apart by more than tokens: by a provider, or a proxy."""
        return bool(self.oidc_issuer or self.user_header)

    @property
    def without_accounts(self) -> Settings:
        """The same where nobody signs in."""
        nothing: dict[str, Any] = dict.fromkeys(_OIDC + _USER, "")
        return replace(self, **nothing)

    @property
    def provider_name(self) -> str | None:
        """What people call the OpenID provider: its host, if nothing is set; None: there is none."""
        return self.oidc_name or urlsplit(self.oidc_issuer).hostname

    @property
    def oidc_secret(self) -> str:
        """The secret by which the OpenID provider knows this service.

        Raises:
            ValueError: its file cannot be read, or is empty.
        """
        if not self.oidc_client_secret_file:
            return self.oidc_client_secret
        try:
            secret = Path(self.oidc_client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"PROMPTGIT_OIDC_CLIENT_SECRET_FILE cannot be read: {error}.") from error
        if not secret:
            raise ValueError(f"PROMPTGIT_OIDC_CLIENT_SECRET_FILE: {self.oidc_client_secret_file} is empty.")
        return secret

    @property
    def processes(self) -> int:
        """How many processes serve. With an upstream one, for each pushes only what its own clients write."""
        return self.workers if self.workers > 0 else 1 if self.upstream else 2

    @property
    def upstream_interval(self) -> float:
        """Seconds between two pushes to the upstream."""
        return max(self.push_interval, 0.0)

    @property
    def mirror_interval(self) -> float:
        """Seconds between two pushes to the mirror; GitHub advises some 6 pushes a minute for one repository."""
        return 10.0 if self.push_interval < 0 else self.push_interval

    @property
    def write_timeout(self) -> float:
        """How long a write takes at most: it waits for other writers, and for the upstream."""
        return self.lock_timeout + (self.upstream_timeout if self.upstream else 0.0)

    @property
    def is_deliverer(self) -> bool:
        """True if this node delivers webhooks: the only one there is, or the one that was told to."""
        return self.deliver_hooks or not self.upstream

    @property
    def protected(self) -> frozenset[str]:
        """The labels that only those move who were allowed to."""
        return frozenset(_items(self.protected_labels))

    @property
    def own_hosts(self) -> list[str]:
        """What `allowed_hosts` lists: names, names with a port, and whole origins."""
        return _items(self.allowed_hosts)

    @property
    def cors(self) -> frozenset[hosts.Origin]:
        """The origins whose pages may use the API."""
        return frozenset(found for one in _items(self.cors_origins) if (found := hosts.origin_of(one)))


def _items(text: str) -> list[str]:
    return [item for one in text.split(",") if (item := one.strip())]


def _parse(variable: str, text: str, kind: type[object]) -> object:
    if kind is bool:
        if text not in ("0", "1"):
            raise ValueError(f"{variable} is {text!r}; give 1 or 0.")
        return text == "1"
    if kind in (int, float):
        try:
            return int(text) if kind is int else float(text)
        except ValueError:
            raise ValueError(f"{variable} is {text!r}; give a number.") from None
    return Path(text) if issubclass(kind, Path) else text
