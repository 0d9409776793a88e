"""A checkout of this project, of today or of before, and its command line. Knows none of its modules by name.

Commands that compare two states of the project start the command line of each as a separate process, so that neither
imports the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

START = (
    "import sys; from importlib import import_module; module, _, name = sys.argv.pop(1).partition(':'); "
    "sys.exit(getattr(import_module(module), name)())"
)
DEMO_SITES = ("flows/demo/site.py", "images/demo_site/demo_site.py")  # today, and before it came into the package
# Settings and secrets of the person who measures; the reference data are read from where they are.
PRIVATE = ("AUTOTUNE_", "PREFECT_", "API_SECRET")


@dataclass(frozen=True)
class Tree:
    """A checkout: its top directory, and the Python that has its dependencies."""

    root: Path
    python: Path = Path(sys.executable)

    @property
    def flows(self) -> Path:
        """The package."""
        return self.root / "flows"

    @property
    def fixtures(self) -> Path:
        """The three synthetic people."""
        return self.root / "fixtures"

    def entry_point(self) -> str:
        """`module:function` of the command `autotune`: as the checkout says, else as it was installed.

        Raises:
            LookupError: neither names one.
        """
        project = self.root / "pyproject.toml"
        if project.is_file():
            scripts = tomllib.loads(project.read_text("utf-8")).get("project", {}).get("scripts", {})
            if "autotune" in scripts:
                return str(scripts["autotune"])
        for found in entry_points(group="console_scripts", name="autotune"):
            return found.value
        raise LookupError(f"no command `autotune` in {self.root}")

    def demo_site(self) -> Path:
        """The file of the demonstration's site.

        Raises:
            LookupError: there is none.
        """
        for name in DEMO_SITES:
            if (self.root / name).is_file():
                return self.root / name
        raise LookupError(f"no demonstration site in {self.root}")

    def environment(self, private: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Of a process of this checkout: its modules first, and all that it keeps under `private`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
        own = {
            "AUTOTUNE_RUNS": str(private / "runs"),
            "AUTOTUNE_STATE": str(private / "state"),
            "AUTOTUNE_APPLIED": str(private / "applied"),
            "PYTHONPATH": str(self.root),
            "PYTHONHASHSEED": "0",
        }
        return {**kept, **own, **(more or {})}

    def autotune(
        self, arguments: Sequence[str], private: Path, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line, from the top of the checkout."""
        command = [str(self.python), "-c", START, self.entry_point(), *arguments]
        environment = self.environment(private, more)
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
