"""How a site lets a run in: an access token, the API secret, a proxy's password, or nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

from flows.errors import Reason, Refused


@dataclass(frozen=True)
class Credentials:
    """How a site is read: an access token, the API secret, or neither for an open site. Never shown by `repr`.

    The API secret goes as its SHA1 into the `api-secret` header. An access token is exchanged for a JSON web token,
    which every version takes in the `Authorization` header (0.12 refuses an access token in `api-secret`); it lives an
    hour in 0.12, eight in 15, and is renewed when the site says it is no longer good.

    `basic` (`user:password`) is for a server in front of Nightscout. It needs the `Authorization` header for itself, so
    the access token then goes into the address as `token=`; the exchange is made all the same, because a site that
    is open to all does not say that such a token is no good.
    """

    token: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    basic: str | None = field(default=None, repr=False)

    @property
    def anonymous(self) -> bool:
        """Whether Nightscout is told nothing of who asks."""
        return not (self.access_token or self.api_secret)

    @property
    def access_token(self) -> str | None:
        """The bare access token."""
        return self.token.strip().removeprefix("token=") if self.token else None

    def secret_header(self) -> dict[str, str]:
        """The header for the API secret: its lower-case SHA1."""
        if not self.api_secret:
            return {}
        hashed = re.fullmatch(r"[0-9a-fA-F]{40}", self.api_secret)
        return {"api-secret": self.api_secret.lower() if hashed else hashlib.sha1(self.api_secret.encode()).hexdigest()}

    def basic_header(self) -> dict[str, str]:
        """The header for a server in front of Nightscout."""
        if not self.basic:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(self.basic.encode()).decode("ascii")}


def checked_basic(basic: str | None) -> str | None:
    """The `user:password` of a server in front of Nightscout, as it is.

    Raises:
        Refused: `BASIC_AUTH_FORM` for a text without a colon, or with a control character.
    """
    if basic is not None and (":" not in basic or any(ord(character) < 32 for character in basic)):
        raise Refused(Reason.BASIC_AUTH_FORM)
    return basic
