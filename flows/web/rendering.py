"""Pages of the templates in `templates/`, with those of the report beside them; the style and the script as files.

Every text is escaped; nothing inline is in a page, so that its content security policy forbids all that is.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from flows.doctor.check import Level
from flows.environment import speaking_as_set
from flows.language.catalogue import spoken, to_translate, translated
from flows.report.html import page as report_page
from flows.web.state import page_of

TEMPLATES, STATIC = Path(__file__).parent / "templates", Path(__file__).parent / "static"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the language that the service speaks.

    Args:
        request: whose page it is.
        template: its file; it extends `web.html`.
        status: of the answer.
        values: what it shows; strings are escaped.
    """
    with speaking_as_set():
        text = (
            templates()
            .get_template(template)
            .render(
                layout="web.html",
                language=spoken().value,
                prefix=page_of(request).settings.prefix,
                form_token=getattr(request.state, "form_token", ""),
                signed_in=getattr(request.state, "session", None) is not None,
                path=request.url.path,
                sent=request.method == "POST",
                **{"units": "mg/dL", **values},
            )
        )
    return HTMLResponse(text, status_code=status)


@functools.cache
def templates() -> Environment:
    """The page's templates before the report's."""
    made = report_page.environment().overlay(
        loader=ChoiceLoader(
            [FileSystemLoader(TEMPLATES, encoding="utf-8"), FileSystemLoader(report_page.TEMPLATES, encoding="utf-8")]
        )
    )
    made.globals = {**made.globals, "static": static_path, "level_word": _level_word}
    return made


@functools.cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """Every file that a page loads, with its kind, by its name with the beginning of its sha256.

    `page.css` is the report's style, then the page's own rooms, in the order of their names.
    """
    own = sorted(STATIC.glob("*.css"))
    reports = [report_page.TEMPLATES / name for name in ("style.css", "trend.css", "entry.css")]
    files = {"page.css": b"\n".join(path.read_bytes() for path in (*reports, *own))}
    files |= {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in KINDS and path not in own}
    return {f"{hashlib.sha256(c).hexdigest()[:16]}/{name}": (c, KINDS[Path(name).suffix]) for name, c in files.items()}


LEVELS = {
    Level.OK: to_translate("✓ works"),
    Level.WARN: to_translate("△ look at it"),
    Level.FAIL: to_translate("✕ does not work"),
    Level.SKIPPED: to_translate("not looked at"),
}


def _level_word(level: Level) -> str:
    return translated(LEVELS[level])


def static_path(name: str) -> str:
    """Below the prefix: where a file is served, by what is in it."""
    return "/s/" + next(known for known in static_files() if known.partition("/")[2] == name)
