"""SSH signatures of commits, as `git commit -S` makes them with gpg.format=ssh (gitformat-signature(5))."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from promptgit.errors import SigningFailed

NAMESPACE = "git"
_SECONDS = 10  # an agent or a token may ask somebody


class Signer:
    """Signs with the SSH key in a file: a private key, or a public one whose private key an agent holds.

    ssh-keygen does it, so agents, hardware and certified cryptography work as they do for git.
    """

    def __init__(self, key: Path) -> None:
        self._key = key

    def check(self) -> None:
        """Sign something, to see whether it goes.

        Raises:
            SigningFailed: it does not.
        """
        self.sign(b"promptgit")

    def sign(self, data: bytes) -> bytes:
        """The armoured signature of *data*.

        Raises:
            SigningFailed: ssh-keygen is missing, or cannot use the key.
        """
        return self._run(["-Y", "sign", "-n", NAMESPACE, "-f", str(self._key)], data)

    def public_key(self) -> str:
        """The public key, as a line of an allowed signers file has it.

        Raises:
            SigningFailed: it cannot be read.
        """
        try:
            text = self._key.read_text()
            if text.startswith("-----BEGIN"):
                beside = self._key.with_name(f"{self._key.name}.pub")  # an encrypted key has it there
                text = beside.read_text() if beside.exists() else self._run(["-y", "-f", str(self._key)]).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise SigningFailed(str(self._key), str(error)) from error
        return " ".join(text.split()[:2])

    def _run(self, arguments: list[str], data: bytes = b"") -> bytes:
        try:
            done = subprocess.run(
                ["ssh-keygen", *arguments],
                input=data,
                capture_output=True,
                env=os.environ | {"LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"},
                start_new_session=True,  # without a terminal it cannot ask for a passphrase, but fails
                timeout=_SECONDS,
            )
        except FileNotFoundError:
            raise SigningFailed(str(self._key), "ssh-keygen is missing; install it (openssh-client)") from None
        except subprocess.TimeoutExpired:
            raise SigningFailed(str(self._key), f"ssh-keygen gave no answer within {_SECONDS} seconds") from None
        if done.returncode != 0:
            said = [line for line in done.stderr.decode(errors="replace").splitlines() if not line.startswith("@")]
            raise SigningFailed(str(self._key), " ".join(said) or f"ssh-keygen ended with {done.returncode}")
        return done.stdout
