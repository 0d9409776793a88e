"""Write `sbom.cdx.json`: what the wheel asks for and the images ship, as a CycloneDX 1.5 document, from the two locks.

    python docs/make_sbom.py        in a checkout with both installed (`make test` does that)

Licences are those that the packages name themselves; the same locks give the same file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)


def python_packages() -> Iterator[tuple[str, str]]:
    """Name and version of everything in requirements.lock."""
    yield from PINNED.findall((ROOT / "requirements.lock").read_text("utf-8"))


def node_packages() -> Iterator[tuple[str, str, str]]:
    """Name, version and path of everything in the lock of images/oref0."""
    lock = json.loads((ROOT / "images" / "oref0" / "package-lock.json").read_text("utf-8"))
    for path, package in lock["packages"].items():
        if path:
            yield path.rpartition("node_modules/")[2], package["version"], path


def components() -> list[dict[str, Any]]:
    """A component for each package, by its package URL."""
    found = {}
    for name, version in python_packages():
        found[f"pkg:pypi/{name}@{version}"] = _component("pypi", name, version, _python_licence(name))
    for name, version, path in node_packages():
        found[f"pkg:npm/{name}@{version}"] = _component("npm", name, version, _node_licence(path))
    return [found[url] for url in sorted(found)]


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "autotune-flows", "bom-ref": "autotune-flows"}},
        "components": components(),
    }


def _component(kind: str, name: str, version: str, licence: str | None) -> dict[str, Any]:
    url = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    named = {"licenses": [{"license": {"name": licence}}]} if licence else {}
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url, **named}


def _python_licence(name: str) -> str | None:
    try:
        of = metadata(name)
    except PackageNotFoundError:  # for another system or an older Python
        return None
    classified = [c.rpartition(" :: ")[2] for c in of.get_all("Classifier") or [] if c.startswith("License ::")]
    written = (of.get("License") or "").strip().splitlines()
    return of.get("License-Expression") or ", ".join(classified) or (written[0] if written else None)


def _node_licence(path: str) -> str | None:
    file = ROOT / "images" / "oref0" / path / "package.json"
    licence = json.loads(file.read_text("utf-8")).get("license") if file.is_file() else None
    return licence if isinstance(licence, str) else None


if __name__ == "__main__":
    (ROOT / "sbom.cdx.json").write_text(json.dumps(document(), indent=1, ensure_ascii=False) + "\n", "utf-8")
