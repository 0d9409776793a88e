"""Pages from the templates: one self-contained HTML file each, its style inside, with nothing to load and no script."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flows.report.wording import glucose, isolated, many, number

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, **values: Any) -> bytes:
    """A page in UTF-8.

    Args:
        template: its file under `templates/`, which extends `base.html`.
        values: what it shows; strings are escaped.
    """
    return environment().get_template(template).render(**values).encode("utf-8")


@functools.cache
def environment() -> Environment:
    """The templates, with autoescape always on and unknown names an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Ours, and inside <style>, where escaping would break it.
    made.globals["style"] = Markup((TEMPLATES / "style.css").read_text("utf-8"))  # noqa: S704
    made.globals.update(number=number, glucose=glucose, many=many)
    made.filters["text"] = isolated
    return made
