"""Saved Nightscout sites, as blocks of Prefect's server: made with what may read, in one request that nothing keeps."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from flows.web.prefect_server import BLOCK_TYPE, PrefectServer, ServerAway

LONGEST_NAME = 60
NOT_REGISTERED = "it does not know saved Nightscout sites: the service is not set up"


def block_name(name: str, taken: set[str]) -> str:
    """A name for a person's block: small letters, digits and dashes, and nobody else's."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    first = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME] or "person"
    return next(one for one in (first, *(f"{first}-{n}" for n in range(2, len(taken) + 3))) if one not in taken)


def save_site(server: PrefectServer, name: str, data: dict[str, Any]) -> None:
    """Save a new block of this name.

    Args:
        server: Prefect's.
        name: of the block; one that is there already is an error of the server's.
        data: its fields; secrets as plain texts.

    Raises:
        ServerAway: it was not saved.
    """
    kind = server.get(f"/block_types/slug/{BLOCK_TYPE}")
    if kind is None:
        raise ServerAway(NOT_REGISTERED)
    question = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}, "limit": 1}
    schemas = server.post("/block_schemas/filter", question)  # the newest first
    if not schemas:
        raise ServerAway(NOT_REGISTERED)
    block = {"name": name, "data": data, "block_type_id": kind["id"], "block_schema_id": schemas[0]["id"]}
    server.post("/block_documents/", block)


def delete_site(server: PrefectServer, name: str) -> None:
    """Delete the block of a name, if there is one.

    Raises:
        ServerAway: it may be there still.
    """
    if found := server.get(f"/block_types/slug/{BLOCK_TYPE}/block_documents/name/{name}"):
        server.send("DELETE", f"/block_documents/{found['id']}")
