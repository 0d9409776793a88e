"""`/live`: that the page lives, for health checks; it says nothing else and asks for no session."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

routes = APIRouter()


@routes.get("/live", response_class=PlainTextResponse)
def live() -> str:
    """`ok`."""
    return "ok"
