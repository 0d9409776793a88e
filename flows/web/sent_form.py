"""The form that a request sent, for handlers that read files and ask the server, and so must not run in the loop."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

FORM_ID = re.compile(r"[0-9a-f]{32}")


def form_id(sent: FormData) -> str:
    """The random id that the page gave a form, by which it is done once; empty where it is none that the page made."""
    given = str(sent.get("form_id") or "")
    return given if FORM_ID.fullmatch(given) else ""


async def form_data(request: Request) -> FormData:
    """The form of a request."""
    return await request.form()


Form = Annotated[FormData, Depends(form_data)]
