"""What Nightscout itself makes of a site's profile documents and Profile Switches: which is newest, what is active.

Other rules than `flows.profiles.active_in_data`, which asks what was in force in the data: Nightscout takes the
document with the highest `startDate`, compared as it is stored (a text), even one in the future, and a Profile Switch
counts only if it is not older than that (cgm-remote-monitor lib/profilefunctions.js, lib/server/profile.js). Reads no
clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.stored import document_sha256, find_name, stored_documents
from flows.profiles.switches import Switch, read_switches
from flows.values.timestamps import instant_ms

# Given by the server (or derived from startDate, as mills and date are): never sent, never compared.
SERVER_OWNED = frozenset(
    {
        *("_id", "created_at", "mills", "date", "utcOffset", "identifier", "subject", "modifiedBy"),
        *("srvCreated", "srvModified", "isValid", "isReadOnly", "convertedOnTheFly"),
    }
)


# What this program notes in a profile document it writes (`flows.writeback.markers`): it says nothing of a therapy.
MARKER = "autotuneFlows"

# In what two deliveries of one record differ; of a profile document also its `created_at`.
OF_A_DELIVERY = frozenset({"_id", "identifier", "srvCreated", "srvModified"})


ABSENT = object()  # differs from every JSON value


def profile_content(document: Record) -> Record:
    """What a profile document says, whenever and by whom it was stored: without what the server owns, its start, and
    the marker of who wrote it."""
    return {k: v for k, v in document.items() if k not in SERVER_OWNED and k not in ("startDate", MARKER)}


def differences(sent: Any, stored: Any, where: str = "") -> list[str]:
    """The paths at which two JSON values differ, names only; a whole number equals itself written as 5.0."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        paths = {key: f"{where}.{key}" if where else str(key) for key in (*sent, *stored)}
        return [d for k, path in paths.items() for d in differences(sent.get(k, ABSENT), stored.get(k, ABSENT), path)]
    if isinstance(sent, list) and isinstance(stored, list):
        if len(sent) != len(stored):
            return [where]
        return [
            d for n, (a, b) in enumerate(zip(sent, stored, strict=True)) for d in differences(a, b, f"{where}[{n}]")
        ]
    return [] if isinstance(sent, bool) == isinstance(stored, bool) and sent == stored else [where]


@dataclass(frozen=True)
class Active:
    """The profile Nightscout counts as active: its name, its body, and the switch that made it so, if one did."""

    name: str
    body: Record | None
    switch: Switch | None


@dataclass(frozen=True)
class SiteProfiles:
    """The profile documents and the Profile Switches of a site, as they were served at one time."""

    documents: tuple[Record, ...]
    switches: tuple[Record, ...]

    @cached_property
    def newest_first(self) -> tuple[Record, ...]:
        """Documents as Nightscout sorts them; of equal ones the last stored."""
        return tuple(sorted(self.documents, key=_order, reverse=True))

    @property
    def newest(self) -> Record:
        """The document Nightscout uses.

        Raises:
            Refused: `NO_PROFILE`.
        """
        if not self.newest_first:
            raise Refused(Reason.NO_PROFILE, where="the site")
        return self.newest_first[0]

    @cached_property
    def newest_start_ms(self) -> float:
        """Since when the newest document holds; 0 where it does not say."""
        return start_ms(self.newest)

    @cached_property
    def read_switches(self) -> tuple[Switch, ...]:
        """The Profile Switches, newest first, without AAPS's notes of what came into force."""
        return tuple(s for s in read_switches(self.switches, "UTC") if not s.effective)

    @property
    def newest_alike(self) -> tuple[Record, ...]:
        """The newest document and those that begin with it: which of them it is, no version of Nightscout says."""
        start = self.newest.get("startDate")
        return tuple(d for d in self.newest_first if d.get("startDate") == start)

    def newest_says(self, document: Record) -> bool:
        """Whether the newest document says what `document` does, and so does each that begins with it."""
        return not any(differences(profile_content(document), profile_content(d)) for d in self.newest_alike)

    def without(self, *documents: Record) -> SiteProfiles:
        """The same site without some of its documents."""
        return SiteProfiles(tuple(d for d in self.documents if not any(d is w for w in documents)), self.switches)

    @cached_property
    def store(self) -> dict[str, Record]:
        """The named profiles of the newest document."""
        return store_of(self.newest)

    def counting_switch(self, now_ms: float) -> Switch | None:
        """The switch that decides in Nightscout, if one does; also one that names nothing, which means the default."""
        running = (s for s in self.read_switches if s.at_ms <= now_ms and (s.end_ms is None or now_ms < s.end_ms))
        return next((s for s in running if s.at_ms >= self.newest_start_ms), None)

    def active(self, now_ms: float) -> Active:
        """What Nightscout counts as active: it takes a switch's name exactly as it is, else the profile it carries."""
        switch = self.counting_switch(now_ms)
        if switch is not None:
            named = str((self.raw_switch(switch) or {}).get("profile") or switch.name)
            if named in self.store:
                return Active(named, self.store[named], switch)
            if switch.body is not None:
                return Active(switch.name, switch.body, switch)
        default = self.newest.get("defaultProfile")
        name = find_name(self.store, default) or (next(iter(self.store)) if len(self.store) == 1 else None)
        return Active(name or str(default), self.store.get(name) if name else None, switch)

    def moments(self, from_ms: float) -> tuple[float, ...]:
        """From an instant on, when what is active may become another: where a switch begins or ends."""
        later = {t for s in self.read_switches for t in (s.at_ms, s.end_ms) if t is not None and t > from_ms}
        return (from_ms, *sorted(later))

    def deciding(self, from_ms: float) -> tuple[Switch, ...]:
        """The switches that decide now or will again: the one in force, those beneath temporary ones, those to come."""
        found: list[Switch] = []
        for at_ms in self.moments(from_ms):
            switch = self.counting_switch(at_ms)
            if switch is not None and switch not in found:
                found.append(switch)
        return tuple(found)

    def names_ahead(self, from_ms: float) -> set[str]:
        """The names of all that is active now or will be by what is on the site."""
        return {self.active(at_ms).name for at_ms in self.moments(from_ms)}

    def raw_switch(self, switch: Switch | None) -> Record | None:
        """The treatment a switch was read from."""
        return next((record for record, read in self._read_one_by_one if switch in read), None)

    @cached_property
    def _read_one_by_one(self) -> tuple[tuple[Record, list[Switch]], ...]:
        return tuple((record, read_switches([record], "UTC")) for record in self.switches)

    def switches_not_in(self, known: Iterable[str]) -> list[Record]:
        """Profile Switches whose `switch_key` is not known."""
        seen = set(known)
        return [s for s in self.switches if is_switch(s) and switch_key(s) not in seen]

    def same_records_as(self, other: SiteProfiles) -> bool:
        """Whether both hold the same documents and Profile Switches: delivered once or twice, whatever their ids."""
        return self._record_hashes == other._record_hashes

    @cached_property
    def _record_hashes(self) -> frozenset[str]:
        documents = ({k: v for k, v in d.items() if k not in {*OF_A_DELIVERY, "created_at"}} for d in self.documents)
        switches = ({k: v for k, v in s.items() if k not in OF_A_DELIVERY} for s in self.switches)
        return frozenset(document_sha256(record) for record in (*documents, *switches))

    def document(self) -> dict[str, Any]:
        """For the backup: everything, as it was served."""
        return {"documents": list(self.documents), "switches": list(self.switches)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> SiteProfiles:
        """Read a backup again."""
        return cls(tuple(document["documents"]), tuple(document["switches"]))


def same_active_from(one: SiteProfiles, other: SiteProfiles, from_ms: float) -> bool:
    """Whether the same is active in both, now and after each switch that begins or ends later."""

    def in_force(state: SiteProfiles, at_ms: float) -> dict[str, Any]:
        active = state.active(at_ms)
        scaled = (active.switch.percentage, active.switch.timeshift_h) if active.switch else (100.0, 0.0)
        return {"name": active.name, "body": active.body, "scaled": list(scaled)}

    moments = {*one.moments(from_ms), *other.moments(from_ms)}
    return not any(differences(in_force(one, at_ms), in_force(other, at_ms)) for at_ms in moments)


def store_of(document: Record) -> dict[str, Record]:
    """The named profiles of a document; of the old flat shape itself as "Default"."""
    stored = stored_documents([document], None)
    return dict(stored[0].store) if stored else {}


def start_ms(document: Record) -> float:
    """A document's start in epoch milliseconds; 0 where there is none, or the 1970 of Nightscout's editor."""
    if stored := stored_documents([document], None):
        return stored[0].start_ms
    found = instant_ms(document.get("startDate"), "UTC")
    return found[0] if found else 0.0


def is_switch(treatment: Any) -> bool:
    """Whether Nightscout counts a treatment as a Profile Switch."""
    return isinstance(treatment, dict) and treatment.get("eventType") == "Profile Switch"


def switch_ms(treatment: Record) -> float:
    """When a Profile Switch begins, in epoch milliseconds."""
    return read_switches([treatment], "UTC")[0].at_ms


def switch_key(treatment: Record) -> str:
    """What makes two Profile Switches the same one: Nightscout itself keeps one for each time."""
    return document_sha256([treatment.get("created_at"), treatment.get("profile")])


def _order(document: Record) -> tuple[int, Any, str, str]:
    start = document.get("startDate")
    tie = str(document.get("created_at") or ""), str(document.get("_id") or "")
    if isinstance(start, str):
        return (2, start, *tie)
    if isinstance(start, int | float) and not isinstance(start, bool):
        return (1, start, *tie)
    return (0, 0, *tie)
