"""An OpenID provider (OpenID Connect Core 1.0): where to send somebody, and what it says of them. Authlib checks that.

Imported only where the settings name a provider: Authlib and what it stands on are slow to import.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import httpx2
from authlib.oauth2 import OAuth2Client, OAuth2Error
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from promptgit.domain.hosts import is_safe_address
from promptgit.errors import ProviderUnavailable, SignInRefused

log = logging.getLogger(__name__)

Claims = dict[str, Any]

_ALGORITHMS = [f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)]  # never none, never HMAC
_TIMEOUT = 5.0  # seconds, for each of connecting, sending and receiving
_FRESH = 3_600.0  # seconds that the provider's document and keys are taken to be the same
_LEEWAY = 60  # seconds by which the provider's clock may differ


@dataclass(frozen=True, slots=True)
class Client:
    """How the provider knows this service: its id and secret, the scopes that it asks for, where people return."""

    id: str
    secret: str
    scopes: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider says of somebody, and with what it can be asked again (None: with nothing)."""

    claims: Claims
    refresh_token: str | None


class Provider:
    """The provider with an issuer; several threads may use it. *clock* gives seconds since 1970, for expiry.

    Every method raises ProviderUnavailable if the provider cannot be asked, or answers what cannot be understood.
    """

    def __init__(self, issuer: str, client: Client, clock: Callable[[], float] = time.time) -> None:
        self.issuer = issuer
        self._client = client
        self._clock = clock
        self._lock = Lock()
        self._metadata: tuple[float, Claims] | None = None  # when fetched, by the monotonic clock
        self._session: httpx2.Client | None = None
        self._keys: tuple[float, list[Key]] | None = None

    def expect_reachable(self) -> None:
        """Raise if the provider does not answer now."""
        self._discover(0)

    def address(self, *, state: str, nonce: str, verifier: str, silent: bool) -> str:
        """Where to send somebody to sign in; *silent*: without asking them anything."""
        metadata = self._discover(0)  # nobody is sent to a provider that is away
        scopes = self._client.scopes.split()
        if "offline_access" in metadata.get("scopes_supported", ()) and "offline_access" not in scopes:
            scopes.append("offline_access")  # without it most providers give nothing to ask again with
        more = {"prompt": "none"} if silent else {}
        found, _ = self._oauth().create_authorization_url(
            self._endpoint(metadata, "authorization_endpoint"),
            state=state,
            code_verifier=verifier,
            nonce=nonce,
            scope=" ".join(scopes),
            **more,
        )
        return str(found)

    def redeem(self, code: str, *, nonce: str, verifier: str, wanted: frozenset[str]) -> Answer:
        """What the provider says of whoever came back with *code*; *wanted* are claims to look for also at userinfo.

        Raises:
            SignInRefused: the code is not good, or the token is not for this sign-in.
        """
        metadata = self._discover(_FRESH)
        with self._asking():
            given = self._oauth().fetch_token(
                self._endpoint(metadata, "token_endpoint"),
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=self._client.redirect_uri,
                **self._proof(metadata),
            )
        claims = self._verified(given.get("id_token"), given.get("access_token"), nonce)
        return Answer(self._completed(metadata, claims, given, wanted), _text(given.get("refresh_token")))

    def ask_again(self, refresh_token: str, subject: str, *, wanted: frozenset[str]) -> Answer:
        """The provider's present claims about the person *subject*, asked for with that person's *refresh_token*.

        Raises:
            SignInRefused: it does not speak for that person any more.
        """
        metadata = self._discover(_FRESH)
        with self._asking():
            given = self._oauth().refresh_token(
                self._endpoint(metadata, "token_endpoint"), refresh_token=refresh_token, **self._proof(metadata)
            )
        # Without a new ID token (OpenID Connect Core 1.0, 12.2) userinfo has all that is wanted.
        id_token = given.get("id_token")
        claims = self._verified(id_token, given.get("access_token"), None) if id_token else {"sub": subject}
        if claims["sub"] != subject:
            raise SignInRefused("The provider now speaks of somebody else. Sign in again.")
        return Answer(self._completed(metadata, claims, given, wanted), _text(given.get("refresh_token")))

    def _completed(self, metadata: Claims, claims: Claims, given: Mapping[str, Any], wanted: frozenset[str]) -> Claims:
        """The claims, with those of userinfo where one is missing that is wanted."""
        if all(name in claims for name in wanted) or not metadata.get("userinfo_endpoint"):
            return claims
        headers = {"Authorization": f"Bearer {given.get('access_token')}"}
        told = self._fetch(self._endpoint(metadata, "userinfo_endpoint"), headers)
        if told.get("sub") != claims["sub"]:
            raise SignInRefused("The provider speaks of two people at once. Sign in again.")
        return told | claims

    def _verified(self, id_token: object, access_token: object, nonce: str | None) -> Claims:
        """The claims of an ID token that is certainly the provider's, for us, for this sign-in, and now."""
        if not isinstance(id_token, str):
            raise SignInRefused("The provider has sent no ID token. Is 'openid' among the scopes?")
        try:
            # The keys are fetched anew once, for the provider may have changed them.
            token = self._opened(id_token, _FRESH) or self._opened(id_token, 0)
            if token is None:
                raise SignInRefused("The provider's ID token is signed with a key that is not the provider's.")
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "values": [self._client.id]},
                    "sub": {"essential": True},
                },
                {"nonce": nonce, "client_id": self._client.id, "access_token": access_token},
            )
            claims.validate(int(self._clock()), _LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("An ID token of %s is refused: %s", self.issuer, error)
            raise SignInRefused("The provider's ID token is not good here and now. Sign in again.") from error
        if not isinstance(claims["sub"], str) or not claims["sub"] or not claims["sub"].isprintable():
            raise SignInRefused("The provider does not say who you are.")
        return dict(claims)

    def _opened(self, id_token: str, seconds: float) -> jwt.Token | None:
        """The token, if one of the keys, which are at most so old, has signed it."""
        for key in self._known_keys(seconds):
            try:
                return jwt.decode(id_token, key, algorithms=_ALGORITHMS)
            except JoseError as error:
                log.debug("A key of %s does not open an ID token: %s", self.issuer, error)
        return None

    def _known_keys(self, seconds: float) -> list[Key]:
        with self._lock:
            known = self._keys
        if known is not None and time.monotonic() - known[0] < seconds:
            return known[1]
        metadata = self._discover(_FRESH)
        found = self._fetch(self._endpoint(metadata, "jwks_uri")).get("keys")
        keys = []
        for one in found if isinstance(found, list) else []:
            try:
                if one.get("use", "sig") == "sig" and one.get("kty") in ("RSA", "EC"):
                    keys.append(JWKRegistry.import_key(one))
            except (JoseError, ValueError, TypeError, AttributeError) as error:
                log.warning("A key of %s cannot be understood: %s", self.issuer, error)
        with self._lock:
            self._keys = (time.monotonic(), keys)
        return keys

    def _discover(self, seconds: float) -> Claims:
        """The provider's document (OpenID Connect Discovery 1.0), at most so old."""
        with self._lock:
            known = self._metadata
        if known is not None and time.monotonic() - known[0] < seconds:
            return known[1]
        metadata = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != self.issuer:
            raise ProviderUnavailable(self.issuer, f"it calls itself {str(metadata.get('issuer'))[:200]!r}")
        with self._lock:
            self._metadata = (time.monotonic(), metadata)
        return metadata

    def _fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Claims:
        try:
            told = self._http().get(url, headers=headers).raise_for_status().json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            raise ProviderUnavailable(self.issuer, f"{error}") from error
        if not isinstance(told, dict):
            raise ProviderUnavailable(self.issuer, f"{url} is no JSON object")
        return told

    def _oauth(self) -> OAuth2Client:
        client, http = self._client, self._http()
        return OAuth2Client(
            http, client.id, client.secret, redirect_uri=client.redirect_uri, code_challenge_method="S256"
        )

    def _http(self) -> httpx2.Client:
        """The HTTP client, which is made once, for that reads certificates, and after the fork."""
        with self._lock:
            if self._session is None:
                alone = httpx2.Limits(max_keepalive_connections=0)  # what the provider has closed would be an error
                self._session = httpx2.Client(timeout=_TIMEOUT, limits=alone)
            return self._session

    def _proof(self, metadata: Claims) -> dict[str, Any]:
        """How the token endpoint is told who asks, as arguments of Authlib's methods."""
        client = self._client
        if "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            return {"auth": (client.id, client.secret)}
        return {"auth": httpx2.Auth(), "client_id": client.id, "client_secret": client.secret}

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Tell what the errors of the token endpoint mean."""
        try:
            yield
        except OAuth2Error as error:
            log.warning("%s refuses: %s %s", self.issuer, error.error, error.description)
            if error.error != "invalid_grant":  # as a wrong client secret, which whoever signs in cannot help
                raise ProviderUnavailable(self.issuer, f"it refuses this service: {error.error}") from error
            raise SignInRefused("The provider does not take back what it gave you. Sign in again.") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, RecursionError) as error:
            raise ProviderUnavailable(self.issuer, f"{error}") from error

    def _endpoint(self, metadata: Claims, name: str) -> str:
        found = metadata.get(name)
        if not isinstance(found, str) or not is_safe_address(found):
            raise ProviderUnavailable(self.issuer, f"its {name} is not an https address")
        return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
