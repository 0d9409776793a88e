"""`/s/…`: the style and the script, by what is in them, so that a browser may keep them for ever."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from flows.web.rendering import static_files

routes = APIRouter()
FOR_EVER = "public, max-age=31536000, immutable"


@routes.get("/s/{digest}/{name}")
def file(digest: str, name: str) -> Response:
    """One file of a fixed list."""
    found = static_files().get(f"{digest}/{name}")
    if found is None:
        return Response(status_code=404)
    return Response(found[0], media_type=found[1], headers={"Cache-Control": FOR_EVER})
