"""What a proxy in front of the page says of the client counts only where the settings name that proxy."""

from __future__ import annotations

from starlette.requests import Request

from flows.web.page_settings import PageSettings

UNKNOWN = "unknown"


def client_address(request: Request, settings: PageSettings) -> str:
    """Whose attempts are counted together."""
    return request.client.host if request.client else UNKNOWN
