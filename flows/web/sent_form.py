"""The form that a request sent, for handlers that read files and ask the server, and so must not run in the loop."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData


async def form_data(request: Request) -> FormData:
    """The form of a request."""
    return await request.form()


Form = Annotated[FormData, Depends(form_data)]
