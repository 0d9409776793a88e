"""Who asks: the API secret, access tokens and JSON web tokens, by version; and the penalty for bad credentials."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.nightscout.database import Document, iso, new_id
from tests.nightscout.versions import Version

WEB_TOKEN = "jwt-"  # noqa: S105 - what stands before the access token it was made of


@dataclass
class Access:
    """Roles, subjects and bad attempts of one site.

    Args:
        version: of the site.
        secret: its API secret.
        clock: of the site.
        open_to_all: its default role is `readable`, else `denied`.
    """

    version: Version
    secret: str
    clock: Callable[[], datetime]
    open_to_all: bool = False
    roles: list[Document] = field(default_factory=list)
    subjects: list[Document] = field(default_factory=list)
    blocked_until: dict[str, datetime] = field(default_factory=dict)

    def add_role(self, name: str, permissions: list[str]) -> Document:
        self.roles.append({"name": name, "permissions": permissions, "created_at": iso(self.clock()), "_id": new_id()})
        return self.roles[-1]

    def add_subject(self, name: str, roles: list[str], token: str | None = None) -> Document:
        stored = {"name": name, "roles": roles, "created_at": iso(self.clock()), "_id": new_id()}
        short = re.sub(r"\W", "", name.lower())[:10]
        self.subjects.append({**stored, "accessToken": token or f"{short}-{secrets.token_hex(8)}"})
        return stored

    def of_token(self, token: str) -> Document | None:
        return next((s for s in self.subjects if s["accessToken"] == token), None)

    def of_web_token(self, web_token: str) -> Document | None:
        return self.of_token(web_token.removeprefix(WEB_TOKEN)) if web_token.startswith(WEB_TOKEN) else None

    def permissions_of(self, subject: Document) -> list[str]:
        named = [r for r in self.roles if r["name"] in subject["roles"]]
        return [p for role in named for p in role["permissions"]]

    @property
    def anonymous(self) -> list[str]:
        return ["*:*:read"] if self.open_to_all else []

    def delay_s(self, address: str) -> float:
        """How long a request of this address waits now."""
        left = self.blocked_until.get(address, self.clock()) - self.clock()
        return max(0.0, left.total_seconds())

    def granted(self, headers: Mapping[str, str], query: Mapping[str, str], address: str) -> list[str] | None:
        """What whoever asks may do by v1 and v2; `None` for a bearer that 0.12.8 answers in plain text."""
        subject: Document | None = None
        secret = headers.get("api-secret") or query.get("secret")
        token, bearer = query.get("token"), headers.get("authorization", "")
        if not (secret or token or bearer.startswith("Bearer ")):
            return self.anonymous
        if secret and self._is_secret(secret):
            return self._let_in(address, ["*"])
        if secret and self.version.modern:
            subject = next((s for s in self.subjects if secret in (s["accessToken"], _sha1(s["accessToken"]))), None)
        if subject is None and token:
            subject = self.of_token(token) or (self.of_web_token(token) if self.version.modern else None)
        if subject is None and bearer.startswith("Bearer "):
            subject = self.of_web_token(bearer.removeprefix("Bearer "))
        if subject is not None:
            return self._let_in(address, [*self.permissions_of(subject), *self.anonymous])
        self._penalise(address)
        if bearer.startswith("Bearer "):
            return [] if self.version.modern else None
        return [] if secret and self.version.modern else self.anonymous

    def granted_v3(self, headers: Mapping[str, str], address: str) -> list[str] | None:
        """What whoever asks may do by v3, which takes a JSON web token only; `None` for nobody."""
        bearer = headers.get("authorization", "")
        subject = self.of_web_token(bearer.removeprefix("Bearer ")) if bearer.startswith("Bearer ") else None
        if subject is None:
            if bearer:
                self._penalise(address)
            return None
        return self._let_in(address, self.permissions_of(subject))

    def exchanged(self, token: str) -> Document | None:
        """The answer to the exchange of an access token; 15 also takes a JSON web token."""
        subject = self.of_token(token) or (self.of_web_token(token) if self.version.modern else None)
        if subject is None:
            return None
        issued = int(self.clock().timestamp())
        return {
            "token": WEB_TOKEN + subject["accessToken"],
            "sub": subject["name"],
            "permissionGroups": [self.permissions_of(subject), self.anonymous],
            "iat": issued,
            "exp": issued + self.version.token_life_s,
        }

    def _is_secret(self, given: str) -> bool:
        taken = {_sha1(self.secret)}
        if self.version.modern:
            taken |= {_sha1(self.secret).upper(), hashlib.sha512(self.secret.encode()).hexdigest()}
        return given in taken

    def _let_in(self, address: str, permissions: list[str]) -> list[str]:
        self.blocked_until.pop(address, None)
        return permissions

    def _penalise(self, address: str) -> None:
        if self.version.fail_delay_s:
            begins = max(self.clock(), self.blocked_until.get(address, self.clock()))
            self.blocked_until[address] = begins + timedelta(seconds=self.version.fail_delay_s)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324
