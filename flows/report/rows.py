"""The settings of a proposal as one table of rows: every form shown renders these and decides nothing itself.

A row is a setting as upstream tunes it: the ISF, the carb ratio, the basal of one hour. Its entries are the numbers to
enter for it: one, or one for each block of the profile. Knows no form: no decimals, no layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.proposal.document import CarbRatioBlock, IsfBlock, OneForSeveral, Proposal, Units
from flows.proposal.evidence_document import BasalEvidence, Cap, CarbRatioEvidence, IsfEvidence
from flows.proposal.rounding import ISF_STEP, on_step
from flows.report.numbers_to_enter import KEEP, SAME, TOO_SMALL, keep_label, may_be_entered, same, worth_changing
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY

RowEvidence = IsfEvidence | CarbRatioEvidence | BasalEvidence
MGDL, MMOLL, RATIO, RATE, FACTOR = "mgdl_per_u", "mmoll_per_u", "g_per_u", "u_per_h", "factor"
UNITS = {MGDL: "mg/dL/U", MMOLL: "mmol/L/U", RATIO: "g/U", RATE: "U/h", FACTOR: "× schedule"}
STOPPED = to_translate("stopped at the limit")  # said in the place of an interval, which says nothing there
OUTSIDE = to_translate("outside it: the order of days matters")  # said of a number beside its interval

CURVE_NOTE = to_translate(
    "ISF, carb ratio and basals were tuned under this new insulin curve: they belong together with it, and are not for "
    "the curve in use now."
)
NO_PEAK = to_translate("A Nightscout profile has no field for the peak: it is set in the app.")


@dataclass(frozen=True)
class RowEntry:
    """A number to enter, from `start` to `end` of the local day: what it is now, what to enter, and its unit.

    Attributes:
        keep_label: `as now`, `keep current value`, or nothing for what is worth changing.
    """

    start: str
    end: str
    current: float
    to_enter: float
    unit: str
    keep_label: str

    @property
    def keep_label_in_full(self) -> str:
        """The label with its reason."""
        return TOO_SMALL if self.keep_label == KEEP else self.keep_label


@dataclass(frozen=True)
class Row:
    """A setting, not rounded.

    Attributes:
        key: as in `verdict.worth_changing`.
        name: within a sentence.
        field: the end of the names of its fields in the document: its unit.
        current, recommended: now, and upstream's own.
        interval_low, interval_high: of the repetitions; `None` without them.
        cap_low, cap_high: upstream's.
        outside_interval: whether the recommended number lies outside the interval.
        worth_changing: whether it changes by enough, and repeatably; `None` where the document does not say.
        entries: the numbers to enter, in the order of the day.
        evidence: its change, the agreement, the cap that decided, the explanation.
        several: how its one value came about, where the profile has several: what counts then is `as_factor`.
    """

    key: str
    name: str
    field: str
    current: float
    recommended: float
    interval_low: float | None
    interval_high: float | None
    cap_low: float
    cap_high: float
    outside_interval: bool
    worth_changing: bool | None
    entries: tuple[RowEntry, ...]
    evidence: RowEvidence
    several: OneForSeveral | None = None

    @property
    def as_factor(self) -> Row:
        """The same with every number of upstream's as a multiple of the one that it was given."""
        low, high = (None if end is None else end / self.current for end in (self.interval_low, self.interval_high))
        new = self.several.factor if self.several else self.recommended / self.current
        return replace(
            self,
            field=FACTOR,
            current=1.0,
            recommended=new,
            interval_low=low,
            interval_high=high,
            cap_low=self.cap_low / self.current,
            cap_high=self.cap_high / self.current,
            evidence=self.evidence.model_copy(update={"change_percent": round(100 * (new - 1), 1)}),
        )

    @property
    def unit(self) -> str:
        """As text."""
        return UNITS[self.field]

    @property
    def cap_label(self) -> str:
        """Of a setting at a cap, where an interval that shrank says nothing of its worth."""
        cap = self.evidence.at_cap
        if cap is None:
            return ""
        return to_translate("upper cap decided") if cap is Cap.HIGH else to_translate("lower cap decided")


@dataclass(frozen=True)
class CurveRow:
    """A property of the insulin curve that was tuned too: its number now (if known) and recommended."""

    name: str
    field: str
    unit: str
    current: float | None
    recommended: float


@dataclass(frozen=True)
class SettingRows:
    """All settings of a proposal.

    Attributes:
        isf_in_both: in mg/dL and in mmol/L.
        isf: the one of them in the person's unit.
        daily_basal: of the whole day, in U.
        curve: what differs from the insulin curve in use; nothing where it was not tuned.
        says_what_is_sure: whether the document says what is worth changing.
    """

    isf_in_both: tuple[Row, Row]
    isf: Row
    carb_ratio: Row
    basal: tuple[Row, ...]
    daily_basal: RowEntry
    curve: tuple[CurveRow, ...]
    says_what_is_sure: bool

    @property
    def every(self) -> tuple[Row, ...]:
        """Every row, in the person's unit."""
        return self.isf, self.carb_ratio, *self.basal

    @property
    def rates(self) -> list[RowEntry]:
        """The basal rates to enter, hour by hour."""
        return [entry for row in self.basal for entry in row.entries]

    @property
    def unsure_hours(self) -> list[str]:
        """The local times whose basal to enter differs, by a change too small or not repeatable."""
        return [entry.start for entry in self.rates if entry.keep_label == KEEP]


def setting_rows(proposal: Proposal) -> SettingRows:
    """The table of a proposal; nothing is labelled where nothing may be entered."""
    evidence, pump = proposal.evidence, proposal.to_enter
    own = MMOLL if proposal.units is Units.MMOL_PER_L else MGDL
    isf = {
        field: replace(
            _row(
                proposal,
                "isf",
                to_translate("ISF"),
                field,
                evidence.isf,
                _blocks(proposal, "isf", pump.isf, field, own),
            ),
            several=pump.one_of(Part.ISF),
        )
        for field in (MGDL, MMOLL)
    }
    ratios = _blocks(proposal, "carb_ratio", pump.carb_ratio, RATIO, RATIO)
    rates = proposal.current.daily_basal_u, pump.daily_basal_u
    return SettingRows(
        isf_in_both=(isf[MGDL], isf[MMOLL]),
        isf=isf[own],
        carb_ratio=replace(
            _row(proposal, "carb_ratio", to_translate("carb ratio"), RATIO, evidence.carb_ratio, ratios),
            several=pump.one_of(Part.CARB_RATIO),
        ),
        basal=tuple(_basal(proposal, hour, pump.basal_u_per_h[hour.hour]) for hour in evidence.basal),
        daily_basal=RowEntry(clock(0), clock(HOURS_PER_DAY), *rates, "U", _label(proposal, "daily_basal", *rates)),
        curve=_curve(proposal),
        says_what_is_sure=worth_changing(proposal, "") is not None,
    )


def told(same: Sequence[Row]) -> Sequence[Row]:
    """A setting in one unit or in both as upstream's numbers are told of it; of several values as a factor."""
    return (same[0].as_factor,) if same[0].several else same


def clock(hour: int) -> str:
    """An hour as a local clock time."""
    return f"{hour:02d}:00"


def blocks_of(same: Sequence[Row]) -> list[tuple[RowEntry, ...]]:
    """Of a setting in one unit or in both: each of its entries in them."""
    return list(zip(*(row.entries for row in same), strict=True))


def joined(entries: Iterable[RowEntry]) -> list[RowEntry]:
    """Neighbours with the same two numbers and the same label as one, from the start of the first."""
    found: list[RowEntry] = []
    for entry in entries:
        if found and replace(found[-1], start=entry.start, end=entry.end) == entry:
            entry = replace(entry, start=found.pop().start)
        found.append(entry)
    return found


def curve_note(curve: Sequence[CurveRow]) -> str:
    """What has to be known of settings tuned with another insulin curve."""
    peak = any(row.unit == "min" for row in curve)
    return translatable("{note} {peak}", note=CURVE_NOTE, peak=NO_PEAK) if peak else CURVE_NOTE


def off_step(proposal: Proposal) -> list[str]:
    """The numbers to enter that are on no step, since none lies within upstream's caps: what they are, in order."""
    table, pump = setting_rows(proposal), proposal.to_enter
    steps = {"isf": pump.isf_step, "carb_ratio": pump.carb_ratio_step_g_per_u}

    def on_step(entry: RowEntry, step: float) -> bool:
        return step > 0 and abs(entry.to_enter / step - round(entry.to_enter / step)) < 1e-6

    return [
        row.name if row.field == RATE else translatable("{setting} from {starts}", setting=row.name, starts=entry.start)
        for row in (*table.basal, table.isf, table.carb_ratio)
        for entry in row.entries
        if not on_step(entry, steps.get(row.key, pump.basal_step_u_per_h))
    ]


def all_on_steps(proposal: Proposal) -> bool:
    """Whether it may be said that every number is on a step: none is off it, and no remark says one was left alone."""
    return not off_step(proposal) and not any("stays as it is" in r for r in proposal.to_enter.remarks)


# --- making it -------------------------------------------------------------------------------------------------------


def _row(proposal: Proposal, key: str, name: str, field: str, found: RowEvidence, entries: Iterable[RowEntry]) -> Row:
    names = ("current", "recommended", "interval_low", "interval_high", "cap_low", "cap_high")
    new, low, high = _numbers(found, MGDL if field == MMOLL else field, *names[1:4])
    return Row(
        key=key,
        name=name,
        field=field,
        **dict(zip(names, _numbers(found, field, *names), strict=True)),
        outside_interval=low is not None and high is not None and not low - SAME <= new <= high + SAME,
        worth_changing=worth_changing(proposal, key),
        entries=tuple(entries),
        evidence=found,
    )


def _basal(proposal: Proposal, hour: BasalEvidence, to_enter_u_per_h: float) -> Row:
    key, rates = f"basal_{hour.hour:02d}", (hour.current_u_per_h, to_enter_u_per_h)
    entry = RowEntry(clock(hour.hour), clock(hour.hour + 1), *rates, UNITS[RATE], _label(proposal, key, *rates))
    found = hour.model_copy(update={"for_pump_u_per_h": to_enter_u_per_h})
    return _row(proposal, key, translatable("basal at {start}", start=entry.start), RATE, found, [entry])


def _blocks(
    proposal: Proposal, key: str, blocks: Sequence[IsfBlock | CarbRatioBlock], field: str, own: str
) -> Iterator[RowEntry]:
    """A schedule in a unit; whether a number is another than now is told in the person's own.

    A new ISF is on its step in the profile's unit; in the other it is on a step that devices in that unit have, too.
    """
    for block, end in zip(blocks, [*(b.start for b in blocks[1:]), clock(HOURS_PER_DAY)], strict=True):
        in_own = _numbers(block, own, "current", "recommended")
        label = _label(proposal, key, *in_own)
        now, new = _numbers(block, field, "current", "recommended")
        if field != own and not same(*in_own):
            unit = Units.MMOL_PER_L if field == MMOLL else Units.MG_PER_DL
            one, low, high = _numbers(proposal.evidence.isf, field, "current", "cap_low", "cap_high")
            new = on_step(new, ISF_STEP[unit], now * low / one, now * high / one)
        yield RowEntry(block.start, end, now, new, UNITS[field], label)


def _numbers(part: Any, field: str, *names: str) -> Any:
    """The fields of a part of the document in the unit that is the end of their names."""
    return [getattr(part, f"{name}_{field}") for name in names]


def _label(proposal: Proposal, key: str, now: float, new: float) -> str:
    return keep_label(proposal, key, now, new) if may_be_entered(proposal) else ""


def _curve(proposal: Proposal) -> tuple[CurveRow, ...]:
    now, new = proposal.current, proposal.recommended
    both = (
        (to_translate("Duration of insulin action"), "duration_of_insulin_action", "h", now.dia_h, new.dia_h),
        (
            to_translate("Peak of insulin action"),
            "peak_of_insulin_action",
            "min",
            now.insulin_peak_min,
            new.insulin_peak_min,
        ),
    )
    return tuple(
        CurveRow(name, field, unit, was, will)
        for name, field, unit, was, will in both
        if will is not None and (was is None or not same(was, will))
    )
