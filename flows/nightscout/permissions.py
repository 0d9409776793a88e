"""What credentials allow on a site, asked of the site itself without writing anything. Knows nothing of profiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import requests

from flows.errors import Reason, Refused
from flows.nightscout.answers import kind_of_trouble, refusal
from flows.nightscout.authentication import Credentials

TIMEOUT_S = (10, 30)
READING = ("api:entries:read", "api:treatments:read", "api:profile:read")
# A router lets nobody write who may not read (cgm-remote-monitor@0.12.8 lib/api/profile/index.js), so both are needed.
WRITING_PROFILES = ("api:profile:read", "api:profile:create")
SWITCHING_PROFILES = ("api:treatments:read", "api:treatments:create")


def allowed(permissions: Iterable[str], wanted: str) -> bool:
    """Whether one of the permissions, written as Apache Shiro's, implies the wanted one, as `*:*:read` all reading.

    Args:
        permissions: such as `api:profile:create,update`; parts that are left out at the end stand for all.
        wanted: such as `api:profile:create`.
    """
    parts = wanted.split(":")

    def implies(permission: str) -> bool:
        for index, part in enumerate(permission.split(":")):
            choices = {choice.strip() for choice in part.split(",")}
            if "*" not in choices and (index >= len(parts) or parts[index] not in choices):
                return False
        return True

    return any(implies(permission) for permission in permissions)


def lacking(permissions: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Those of the wanted permissions that are not implied."""
    held = list(permissions)
    return [permission for permission in wanted if not allowed(held, permission)]


def permissions_of(site: str, credentials: Credentials) -> list[str]:
    """What the site says the credentials may do; `*` for the API secret.

    Args:
        site: its address, without a trailing slash.
        credentials: not anonymous.

    Raises:
        Refused: `SITE_UNAUTHORIZED` for a token or secret the site does not know, and other `SITE_…` reasons.
    """
    if token := credentials.access_token:
        document = _ask(site, f"/api/v2/authorization/request/{quote(token, safe='')}", credentials.basic_header())
        groups = document.get("permissionGroups")
        return [str(permission) for group in groups or [] if isinstance(group, list) for permission in group]
    headers = {**credentials.secret_header(), **credentials.basic_header()}
    message = _ask(site, "/api/v1/verifyauth", headers).get("message")
    # 0.12.8 says OK to an administrator only; 15 answers an object.
    admin = message.get("isAdmin") if isinstance(message, dict) else message == "OK"
    if not admin:
        raise Refused(Reason.SITE_UNAUTHORIZED, what="the API secret")
    return ["*"]


def _ask(site: str, tail: str, headers: dict[str, str]) -> dict[str, Any]:
    what = "the exchange of the access token" if "authorization" in tail else "the check of the API secret"
    try:
        # `auth` keeps requests from putting a password of ~/.netrc over our header.
        answer = requests.get(
            f"{site}{tail}", headers=headers, auth=lambda r: r, timeout=TIMEOUT_S, allow_redirects=False
        )
        document = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError) as error:
        trouble = kind_of_trouble(error)
    else:
        if answer.status_code != 200:
            raise refusal(answer, what, 1)
        return document if isinstance(document, dict) else {}
    raise Refused(Reason.SITE_UNREACHABLE, what=what, detail=trouble, attempts=1)
