"""The blocks named `autotune-notices`, which notices go to as well; and an end to the automations of earlier versions.

What is told, and when, is `flows.watch`'s: it reads how runs ended, so that a run that never began is told of too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect import get_client
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import validate_restricted_url
from pydantic import SecretStr

from flows.doctor.notices import BLOCK
from flows.environment import environment_now
from flows.watch.addresses import (
    NoticeAddress,
    NoticeAddresses,
    NoticesTest,
    addresses_of,
    apprise_is_quiet,
    key_of,
    post,
    sent_test,
)
from flows.watch.words import Notice

# Prefect's own blocks that can notify; a webhook is told everything as JSON.
KINDS = (
    "webhook",
    "custom-webhook",
    "slack-webhook",
    "ms-teams-webhook",
    "discord-webhook",
    "mattermost-webhook",
    "sendgrid-email",
)
# Until 0.1 each kind of notice was an automation; with them each notice would come twice.
EARLIER_AUTOMATIONS = (
    "autotune: notice of a proposal",
    "autotune: notice of a step to take back",
    "autotune: notice of a refusal",
    "autotune: notice of failed nights",
)


def make_notices(client: SyncPrefectClient, webhook_url: str | None) -> None:
    """Save the webhook's address as a block, where one is given, and remove the automations of earlier versions.

    Args:
        client: of the server.
        webhook_url: a secret; saved as the block `webhook/autotune-notices`. `None` leaves the block as it is.
    """
    if webhook_url:
        Webhook(url=SecretStr(webhook_url)).save(BLOCK, overwrite=True)
    for name in EARLIER_AUTOMATIONS:
        for known in client.read_automations_by_name(name):
            client.delete_automation(known.id)


def block_addresses(client: SyncPrefectClient) -> tuple[NoticeAddress, ...]:
    """The addresses that the server's blocks hold, read anew each time: a block is changed on Prefect's page."""
    found = []
    for kind in KINDS:
        with suppress(ObjectNotFound):
            document = client.read_block_document_by_name(BLOCK, kind, include_secrets=True)
            found.append(_address(kind, document.data))
    return tuple(found)


def send_test() -> NoticesTest:
    """Send the test message to the addresses of this process's settings, and to those of the server's blocks.

    Raises:
        Refused: `FILE_MISSING`.
    """
    found = addresses_of(environment_now())
    with get_client(sync_client=True) as client:
        held = block_addresses(client)
    known = tuple({address.key: address for address in (*held, *found.known)}.values())
    return sent_test(NoticeAddresses(known, found.not_understood))


def _address(kind: str, held: dict[str, Any]) -> NoticeAddress:
    block_class = Block.get_block_class_from_key(kind)
    if kind == "webhook":
        # By its own address, so that the same one in AUTOTUNE_WEBHOOK_FILE is not told twice.
        return NoticeAddress(key_of(str(held.get("url"))), kind, lambda notice: _call(held, notice))

    def send(notice: Notice) -> str | None:
        try:
            block = block_class(**held)
            assert isinstance(block, NotificationBlock)
            with apprise_is_quiet(), block.raise_on_failure():
                block.notify(notice.text, notice.title)  # type: ignore[unused-coroutine]  # outside a loop it is sync
        except Exception as error:  # noqa: BLE001 - whatever a block's service raises; its text may hold the address
            return type(error).__name__
        return None

    return NoticeAddress(key_of(f"{kind}/{BLOCK}"), kind, send)


def _call(held: dict[str, Any], notice: Notice) -> str | None:
    """As Prefect's block calls it: its own client can be used once only."""
    try:
        webhook = Webhook(**held)
        address = webhook.url.get_secret_value()
        if not webhook.allow_private_urls:
            validate_restricted_url(address)
    except ValueError as error:
        return type(error).__name__
    headers = {name: str(value) for name, value in (webhook.headers.get_secret_value() or {}).items()}
    return post(address, notice, method=webhook.method, headers=headers, verify=webhook.verify)
