"""Write `sbom.cdx.json`: what the wheel asks for and the images ship, as a CycloneDX 1.5 document, from the two locks.

    python docs/make_sbom.py        in a checkout with both installed (`make test` does that)

Licences are those that the packages name themselves: as an SPDX expression where they give one or leave no doubt which
it is, else in their own words. The same locks give the same file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)
# Other ways in which packages write one certain licence. "BSD License" is not among them: it may be any of several.
SPDX = {
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Looked up by hand, for exactly this version: what other systems install, and what names its licence in a file only.
STATED = {
    "pkg:npm/json@9.0.6": "MIT",  # its LICENSE.txt
    "pkg:pypi/async-timeout@5.0.1": "Apache-2.0",  # for Python before 3.11.3
    "pkg:pypi/pywin32@312": "Python Software Foundation License",  # for Windows
}


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


def licence(component: dict[str, Any]) -> str:
    """The licence as `components` wrote it: an SPDX expression or the package's words; empty if unknown."""
    (choice,) = component.get("licenses") or [{"expression": ""}]
    named = choice.get("license", choice)
    return str(named.get("id") or named.get("name") or named["expression"])


def _component(kind: str, name: str, version: str, named: str | None) -> dict[str, Any]:
    url = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    written = named or STATED.get(url)
    licences = {"licenses": [_choice(written)]} if written else {}
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url, **licences}


def _choice(written: str) -> dict[str, Any]:
    expression = _spdx(written)
    if expression is None:
        return {"license": {"name": written}}
    return {"expression": expression} if " " in expression else {"license": {"id": expression}}


def _spdx(written: str) -> str | None:
    """The SPDX expression that this certainly is, or `None`."""
    try:
        return str(canonicalize_license_expression(SPDX.get(written, written)))
    except InvalidLicenseExpression:
        return None


def _python_licence(name: str) -> str | None:
    try:
        of = metadata(name)
    except PackageNotFoundError:  # for another system or another Python
        return None
    classified = [c.rpartition(" :: ")[2] for c in of.get_all("Classifier") or [] if c.startswith("License ::")]
    written = [of.get("License-Expression"), *(of.get("License") or "").strip().splitlines()[:1]]
    certain = [text for text in written if text and _spdx(text)]
    return next(filter(None, [*certain, ", ".join(classified), *written]), None)


def _node_licence(path: str) -> str | None:
    file = ROOT / "images" / "oref0" / path / "package.json"
    named = json.loads(file.read_text("utf-8")).get("license") if file.is_file() else None
    return named if isinstance(named, str) else None


if __name__ == "__main__":
    (ROOT / "sbom.cdx.json").write_text(json.dumps(document(), indent=1, ensure_ascii=False) + "\n", "utf-8")
