"""What credentials allow on a site: the one rule, for the doctor, for every write, and for the demonstration's site.

Permissions are Apache Shiro's strings as Nightscout compares them (its package `shiro-trie`): by the letter, so that
`create , update` grants neither. Knows nothing of profiles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote

import requests

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.nightscout.answers import AnswerTooLarge, failure_kind, read_body, refusal
from flows.nightscout.authentication import Credentials
from flows.nightscout.connections import session_within
from flows.nightscout.in_front import redirect_refusal, refusal_in_front
from flows.nightscout.reach import Reach
from flows.values.limits import ANSWER, DEPTH, is_deeper

TIMEOUT_S = (10, 30)
READ_PROFILE, CREATE_PROFILE = "api:profile:read", "api:profile:create"
READ_TREATMENTS, CREATE_TREATMENTS = "api:treatments:read", "api:treatments:create"
READING = ("api:entries:read", READ_TREATMENTS, READ_PROFILE)
# A router lets nobody write who may not read (cgm-remote-monitor@0.12.8 lib/api/profile/index.js), so both are needed;
# the treatments say what is active.
WRITING_PROFILES = (READ_PROFILE, CREATE_PROFILE, READ_TREATMENTS)
SWITCHING_PROFILES = (CREATE_TREATMENTS,)


def allowed(permissions: Iterable[str], wanted: str) -> bool:
    """Whether one of the permissions implies the wanted one, as `*:*:read` implies all reading.

    Args:
        permissions: such as `api:profile:create,update`; parts that are left out at the end stand for all.
        wanted: such as `api:profile:create`.
    """

    def implies(permission: str) -> bool:
        pairs = zip(permission.split(":"), chain(wanted.split(":"), repeat("*")), strict=False)
        return all({"*", part} & set(choices.split(",")) for choices, part in pairs)

    return any(implies(permission) for permission in permissions)


def lacking(permissions: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Those of the wanted permissions that are not implied."""
    held = list(permissions)
    return [permission for permission in wanted if not allowed(held, permission)]


def exchange_path(token: str) -> str:
    """Where a site exchanges an access token, and names its permissions."""
    return f"/api/v2/authorization/request/{quote(token, safe='')}"


def granted(exchange: Any) -> list[str]:
    """The permissions in the answer to the exchange of an access token: all its groups together."""
    groups = exchange.get("permissionGroups") if isinstance(exchange, dict) else None
    return [str(g) for group in groups or [] for g in (group if isinstance(group, list) else [group])]


def is_admin(verified: Any) -> bool:
    """Whether the answer of `verifyauth` is to an administrator, as whoever has the API secret is.

    0.12.8 says OK to an administrator only; 15 answers an object, whose `canWrite` is no permission it checks itself.
    """
    message = verified.get("message") if isinstance(verified, dict) else None
    return message.get("isAdmin") is True if isinstance(message, dict) else message == "OK"


def permissions_of(site: str, credentials: Credentials, reach: Reach = Reach.ANYWHERE) -> list[str]:
    """What the site says the credentials may do; `*` for the API secret.

    Args:
        site: its address, without a trailing slash.
        credentials: not anonymous.
        reach: which addresses the site's name may stand for.

    Raises:
        Refused: `SITE_UNAUTHORIZED` for a token or secret the site does not know, and other `SITE_…` reasons.
    """
    if token := credentials.access_token:
        return granted(_ask(site, exchange_path(token), credentials.basic_header(), reach))
    headers = {**credentials.secret_header(), **credentials.basic_header()}
    if not is_admin(_ask(site, "/api/v1/verifyauth", headers, reach)):
        raise Refused(Reason.SITE_UNAUTHORIZED, what="the API secret")
    return ["*"]


def _ask(site: str, tail: str, headers: dict[str, str], reach: Reach) -> dict[str, Any]:
    what = (
        to_translate("the exchange of the access token")
        if "authorization" in tail
        else to_translate("the check of the API secret")
    )
    trouble, document = "", None
    try:
        # `auth` keeps requests from putting a password of ~/.netrc over our header.
        with (
            session_within(reach) as session,
            session.get(
                f"{site}{tail}",
                headers=headers,
                auth=lambda r: r,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            body = read_body(answer)
        if answer.status_code == 200 and not is_deeper(body, DEPTH.value):
            document = json.loads(body)
    except AnswerTooLarge:
        raise ANSWER.exceeded(f"The answer to {what}") from None
    except (requests.RequestException, ValueError) as error:
        trouble = failure_kind(error)
    if not trouble:
        if answer.is_redirect:
            raise redirect_refusal(site, tail, answer.headers["Location"])
        if (in_front := refusal_in_front(answer, body, what)) is not None:
            raise in_front
        if answer.status_code != 200:
            raise refusal(answer, what, 1)
        return document if isinstance(document, dict) else {}
    raise Refused(Reason.SITE_UNREACHABLE, what=what, detail=trouble, attempts=1)
