"""How much code there is: `python -m benchmarks.statements [CHECKOUT] [CHECKOUT]`, and the change from first to second.

Counts the statements of `flows/` (nodes `ast.stmt`: also `def`, `class`, `import` and each branch's body), without
docstrings. Comments, blank lines and how a statement is broken over lines do not count. `images/` is a row of its own:
two of its modules moved into the package later (the set-up and the demonstration's site).
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def statements(source: str) -> int:
    """Statements of a module, without its docstrings."""
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = sum(isinstance(n, DOCUMENTED) and ast.get_docstring(n, clean=False) is not None for n in nodes)
    return sum(isinstance(n, ast.stmt) for n in nodes) - docstrings


def by_room(root: Path) -> Counter[str]:
    """Statements of each folder of `flows/`; files at its top count as `flows`."""
    found: Counter[str] = Counter()
    for file in sorted((root / "flows").rglob("*.py")):
        parts = file.relative_to(root).parts
        found["/".join(parts[:2]) if len(parts) > 2 else "flows"] += statements(file.read_text("utf-8"))
    for file in (root / "images").glob("*/*.py"):
        found["images"] += statements(file.read_text("utf-8"))
    return found


def main(arguments: list[str]) -> int:
    """Print the counts of one checkout or two."""
    counts = [by_room(Path(name)) for name in arguments or ["."]]
    for room in sorted({room for count in counts for room in count}):
        print(f"{room:24}", *(f"{count[room]:7}" for count in counts))
    for name, left_out in (("flows/ in all", "images"), ("with images/", "")):
        totals = [sum(n for room, n in count.items() if room != left_out) for count in counts]
        change = f"   {totals[-1] / totals[0] - 1:+.1%}" if len(totals) > 1 else ""
        print(f"{name:24}", *(f"{total:7}" for total in totals), change)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
