"""Upstream's directory layout: what its script would have on disk when it starts the first day.

settings/pumpprofile.json, settings/profile.json and settings/autotune.json as in an OpenAPS directory;
autotune/profile.pump.json, autotune/profile.json, autotune/ns-entries.DATE.json, autotune/ns-treatments.DATE.json as
oref0@0.7.1 bin/oref0-autotune.sh lays them out.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.values.local_days import LocalDay
from flows.values.run_directory import write_atomically

DATE = re.compile(r"ns-entries\.(\d{4}-\d\d-\d\d)\.json(?:\.gz)?$")


def write_settings(work: Path, pumpprofile: bytes, start_profile: bytes | None) -> None:
    """Write settings/ and the profiles the first day starts from.

    Args:
        work: the work directory.
        pumpprofile: the pump's profile, the measure of the caps; written as given.
        start_profile: a profile to start from (an earlier autotune.json), or `None` for the pump's.

    Writes settings/{pumpprofile,profile,autotune}.json, autotune/profile.pump.json, autotune/profile.json.
    """
    settings, autotune = work / "settings", work / "autotune"
    write_atomically(settings / "pumpprofile.json", pumpprofile)
    write_atomically(settings / "profile.json", pumpprofile)
    write_atomically(autotune / "profile.pump.json", pumpprofile)
    if start_profile is not None:
        write_atomically(settings / "autotune.json", start_profile)
    usable = start_profile if start_profile is not None and has_start(start_profile) else pumpprofile
    write_atomically(autotune / "profile.json", usable)


def write_day(work: Path, day: LocalDay | str, entries: bytes, treatments: bytes) -> None:
    """Write autotune/ns-entries.DATE.json and autotune/ns-treatments.DATE.json."""
    write_atomically(work / "autotune" / f"ns-entries.{day}.json", entries)
    write_atomically(work / "autotune" / f"ns-treatments.{day}.json", treatments)


def records_bytes(records: list[Any]) -> bytes:
    """Records as a JSON array, one a line: the same bytes for the same records."""
    lines = ",\n".join(json.dumps(r, ensure_ascii=False, allow_nan=False) for r in records)
    return f"[\n{lines}\n]\n".encode() if records else b"[]\n"


def copy_openaps_directory(source: Path, work: Path) -> list[str]:
    """Take over an existing OpenAPS directory as it is: settings, and the days that have been fetched.

    Reads settings/{pumpprofile,autotune}.json and autotune/ns-*.DATE.json (or .json.gz, as upstream packs old ones).

    Returns:
        The dates, in order.

    Raises:
        Refused: `PUMP_PROFILE_MISSING`, `NO_RECORDS`, `FILE_NOT_JSON`.
    """
    pump = source / "settings" / "pumpprofile.json"
    if not pump.is_file():
        raise Refused(Reason.PUMP_PROFILE_MISSING, file="settings/pumpprofile.json")
    start = source / "settings" / "autotune.json"
    write_settings(work, pump.read_bytes(), start.read_bytes() if start.is_file() else None)
    files = (source / "autotune").iterdir() if (source / "autotune").is_dir() else []
    dates = sorted({m.group(1) for f in files if (m := DATE.match(f.name))})
    if not dates:
        raise Refused(Reason.NO_RECORDS, what="autotune/ns-entries.DATE.json")
    for date in dates:
        for name in (f"ns-entries.{date}.json", f"ns-treatments.{date}.json"):
            if (content := _maybe_packed(source / "autotune" / name)) is not None:
                write_atomically(work / "autotune" / name, content)
    return dates


def _maybe_packed(file: Path) -> bytes | None:
    packed = file.with_name(file.name + ".gz")
    if file.is_file():
        return file.read_bytes()
    if packed.is_file():
        try:
            return gzip.decompress(packed.read_bytes())
        except (OSError, EOFError):
            raise Refused(Reason.FILE_NOT_JSON, file=packed.name, detail="damaged gzip") from None
    return None


def has_start(profile: bytes) -> bool:
    """Whether upstream's script takes a profile: jq reads it, and the word "start" is in it (bin/oref0-autotune.sh)."""
    try:
        return "start" in json.dumps(json.loads(profile))
    except ValueError:
        return False
