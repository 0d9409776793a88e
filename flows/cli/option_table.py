"""The options of a run as data: `option_table.json`, made from the fields of `AnalysisRequest`.

The command line reads the file, because pydantic takes longer to import than a first line may take to come. After a
change of the fields: `python -m flows.cli.option_table`; a test compares the two.
"""

from __future__ import annotations

import json
import types
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

FILE = Path(__file__).with_name("option_table.json")


@cache
def read() -> list[dict[str, Any]]:
    """The rows: field, group, option, kind, metavar, choices, range, default and help of each."""
    rows: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return rows


def made_from_fields() -> str:
    """What the file is to hold."""
    from flows.settings import AnalysisRequest, Option

    rows = []
    for name, field in AnalysisRequest.model_fields.items():
        for option in (mark for mark in field.metadata if isinstance(mark, Option)):
            kind, choices = _kind(field.annotation)
            rows.append(
                json.dumps(
                    {
                        "field": name,
                        "group": option.group,
                        "option": option.spelling or "--" + name.replace("_", "-"),
                        "kind": kind,
                        "metavar": option.metavar,
                        "choices": choices,
                        "range": _range(field.metadata),
                        "default": field.get_default(call_default_factory=True),
                        "help": field.description,
                    },
                    ensure_ascii=False,
                )
            )
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _range(marks: list[Any]) -> dict[str, float] | None:
    """The smallest (`from`) or what it must be above, and the largest, of a number."""
    limits = {"from": "ge", "above": "gt", "to": "le"}
    found = {name: getattr(mark, of) for name, of in limits.items() for mark in marks if hasattr(mark, of)}
    return found or None


def _kind(annotation: Any) -> tuple[str, list[str] | None]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(parts[0])
    if origin in (Union, types.UnionType):
        (present,) = (part for part in parts if part is not type(None))
        return _kind(present)
    if origin is list:
        return ("dates", None) if parts[0] is date else ("names", list(parts[0]))
    if issubclass(annotation, StrEnum):
        return "choice", list(annotation)
    return {bool: "flag", int: "int", float: "float", str: "text", date: "date", Path: "path"}[annotation], None


if __name__ == "__main__":
    FILE.write_text(made_from_fields(), "utf-8")
