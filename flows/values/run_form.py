"""How a request looks in Prefect's run form."""

from __future__ import annotations

from typing import Any


def in_order(schema: dict[str, Any]) -> None:
    """Number a schema's fields for Prefect's run form: its server keeps a schema, but not the order in it."""
    for position, field in enumerate(schema.get("properties", {}).values()):
        field["position"] = position
