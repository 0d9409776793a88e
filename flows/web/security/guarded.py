"""Puts the gate before an application, and what it rests on into the page's state."""

from __future__ import annotations

from fastapi import FastAPI

from flows.web.security.answers import answer_with_own_pages
from flows.web.security.gate import Gate
from flows.web.security.guessing import Guesses
from flows.web.security.passwords import Passwords
from flows.web.security.sessions import Sessions
from flows.web.security.tokens import MachineTokens
from flows.web.state import PageState


def guard(app: FastAPI, page: PageState) -> None:
    """Let nothing reach the application but through the gate."""
    sessions, tokens = Sessions(page.store), MachineTokens(page.store)
    page.rooms |= {
        "sessions": sessions,
        "tokens": tokens,
        "passwords": Passwords(page.store),
        "guesses": Guesses(page.store),
    }
    app.add_middleware(Gate, settings=page.settings, sessions=sessions, tokens=tokens)
    answer_with_own_pages(app)
