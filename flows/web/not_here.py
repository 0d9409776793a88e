"""What is shown for an address where nothing is: the same whether it never was or was removed."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from flows.web.rendering import render


def not_here(request: Request) -> HTMLResponse:
    """A page of its own, with the way back."""
    return render(request, "not_here.html", status=404)
