"""The notices that are shipped: an automation each, sent through a block named `autotune-notices` where there is one.

Their texts say that there is something to look at, and where; never a number, a name or an address of a person's site.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from json import dumps

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.variables import Variable
from pydantic import SecretStr

from flows.orchestration import events

BLOCK = "autotune-notices"
NIGHTS = "autotune_failed_nights"  # the Prefect variable: after how many failed nights in a row there is a notice
NIGHTS_WHERE_UNSET = 3
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


@dataclass(frozen=True)
class Notice:
    """One notice: its automation's name, when it is sent, and the words."""

    name: str
    trigger: EventTrigger
    title: str
    text: str


def notices(nights: int) -> tuple[Notice, ...]:
    """All of them.

    Args:
        nights: after how many failed nights in a row there is a notice.
    """
    return (
        Notice(
            "autotune: notice of a proposal",
            _at_once(events.PROPOSAL_READY),
            "Autotune: a proposal is ready",
            "There is a new proposal to look at. Nothing was changed in Nightscout or on a pump.",
        ),
        Notice(
            "autotune: notice of a step to take back",
            _at_once(events.TAKE_BACK),
            "Autotune: take the last step back, to be safe",
            "After the last change of settings the days got worse. The report says how, and what to do. Nothing "
            "was changed.",
        ),
        Notice(
            "autotune: notice of a refusal",
            _at_once(events.REFUSED),
            "Autotune: no recommendation",
            "A run ended without a recommendation, for a reason that can be fixed; the run's page says which.",
        ),
        Notice(
            "autotune: notice of failed nights",
            _nights_in_a_row(nights),
            "Autotune: no result for several nights",
            f"The nightly run has failed {nights} nights in a row. `autotune doctor` says what is wrong.",
        ),
    )


def _at_once(event: str) -> EventTrigger:
    return EventTrigger(
        posture=Posture.Reactive,
        match=ResourceSpecification({"prefect.resource.id": "autotune.run.*"}),
        for_each={"prefect.resource.id"},
        expect={event},
        threshold=1,
        within=timedelta(0),
    )


def _nights_in_a_row(nights: int) -> EventTrigger:
    # One run a night: so many failures fit into this time only if no night between them was good. Prefect's own events,
    # because a process that was killed tells nothing any more.
    return EventTrigger(
        posture=Posture.Reactive,
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(
            {"prefect.resource.role": "deployment", "prefect.resource.name": "nightly-autotune"}
        ),
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
        threshold=nights,
        within=timedelta(days=nights - 1, hours=12),
    )


def make_notices(client: SyncPrefectClient, webhook_url: str | None) -> int:
    """Recreate every notice, or remove all where nothing can send them; how many there are.

    Args:
        client: of the server.
        webhook_url: a secret; saved as the block `webhook/autotune-notices`. `None` leaves the block as it is.
    """
    if webhook_url:
        Webhook(url=SecretStr(webhook_url)).save(BLOCK, overwrite=True)
    nights = _nights()
    senders = list(_senders(client))
    for notice in notices(nights):
        for known in client.read_automations_by_name(notice.name):
            client.delete_automation(known.id)
        if senders:
            actions = [_action(kind, document, notice) for kind, document in senders]
            client.create_automation(
                AutomationCore(name=notice.name, description=notice.text, trigger=notice.trigger, actions=actions)
            )
    return len(notices(nights)) if senders else 0


def _nights() -> int:
    value = Variable.get(NIGHTS)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 30:
        return value
    Variable.set(NIGHTS, NIGHTS_WHERE_UNSET, overwrite=True)
    return NIGHTS_WHERE_UNSET


def _senders(client: SyncPrefectClient) -> Iterable[tuple[str, BlockDocument]]:
    for kind in KINDS:
        with suppress(ObjectNotFound):
            yield kind, client.read_block_document_by_name(BLOCK, kind, include_secrets=False)


def _action(kind: str, document: BlockDocument, notice: Notice) -> CallWebhook | SendNotification:
    assert document.id is not None
    words = notice.text + "\nRun {{ flow_run.name }}{% if flow_run|ui_url %}: {{ flow_run|ui_url }}{% endif %}"
    if kind == "webhook":
        # `text` is what Slack reads, `content` Discord, `title` and `message` most others.
        payload = {"title": notice.title, "message": words, "text": words, "content": words}
        return CallWebhook(block_document_id=document.id, payload=dumps(payload))
    return SendNotification(block_document_id=document.id, subject=notice.title, body=words)
