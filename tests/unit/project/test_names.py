"""One name, one meaning: no public class, type or alias of one name in two modules of the package."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import flows

PACKAGE = Path(flows.__file__).parent


def public_types(source: str) -> Iterator[str]:
    """Classes, and what is assigned to a name written like one (`Record = dict[str, Any]`)."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            names = []
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def shared_names() -> dict[str, list[str]]:
    """The names that stand in several modules, and in which."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        for name in public_types(file.read_text("utf-8")):
            found[name].append(str(file.relative_to(PACKAGE)))
    return {name: places for name, places in found.items() if len(places) > 1}


def test_a_type_has_its_name_for_itself() -> None:
    assert shared_names() == {}


def test_classes_and_aliases_count_and_constants_and_private_names_do_not() -> None:
    source = (
        "class A1b: pass\nKind = int\nLimits: object = tuple\nLEAST = 1\n_Own = int\ndef f():\n    class Inner: pass\n"
    )
    assert list(public_types(source)) == ["A1b", "Kind", "Limits"]
