"""What ships beside the code: in a checkout it lies at the top, in a wheel under `_bundled`."""

from __future__ import annotations

from pathlib import Path

from flows.errors import Reason, Refused

_PACKAGE = Path(__file__).resolve().parents[1]


def bundled(name: str) -> Path:
    """A file or directory that ships with the application: `prefect.yaml`, `images/oref0`, `fixtures/…`.

    Raises:
        Refused: `ENGINE_MISSING` where the installation is incomplete.
    """
    for base in (_PACKAGE.parent, _PACKAGE / "_bundled"):
        if (base / name).exists():
            return base / name
    raise Refused(
        Reason.ENGINE_MISSING,
        what=name,
        detail="the installation is incomplete",
        remedy="Reinstall.",
    )
