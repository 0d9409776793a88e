"""The one carb ratio and ISF that upstream is given where a profile has several, and what the days have in each block.

`several_values.json` holds them for the steps that follow; a run whose profile has one of each has none. Which points
upstream takes for ISF nobody else can tell: it runs once more, before the run itself, and they are counted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flows.oref0.day_files import carbs_of_day, local_minutes, prepped_of_day
from flows.oref0.inputs import check_profile
from flows.oref0.several_values import (
    NAMES,
    DayInBlocks,
    OneOfSeveral,
    OneValueFrom,
    block_at,
    one_value,
)
from flows.oref0.work_dir import write_settings
from flows.pipeline.profile_to_tune import ProfileToTune
from flows.profiles.raw_files import json_object
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory, dump
from flows.values.schedule import Schedule
from flows.values.units import MINUTE_MS

FILE = "several_values.json"
PASS = "isf_points"  # the directory of the extra pass, removed when its points are counted
ONE_MEAL_MIN = 60  # entries that follow one another within it are one meal: how it is split changes nothing
Several = tuple[OneOfSeveral, ...]


def read_several(run: RunDirectory) -> Several:
    """What `several_values.json` holds; nothing where the profile has one of each, or an earlier version ran."""
    if not run.file(FILE).is_file():
        return ()
    return tuple(OneOfSeveral.from_document(one) for one in run.read_json(FILE)["settings"])


def set_one_values(
    run: RunDirectory, tuned: ProfileToTune, dates: Sequence[str], zone: str, last_ratios: Mapping[Part, float]
) -> list[str]:
    """Give upstream one carb ratio for the person's own meals in the days of the run; the ISF has to be counted yet.

    Args:
        run: reads work/autotune/ns-treatments.DATE.json; rewrites work/ and uncorrected/'s profiles, and writes
            several_values.json, where the profile has several.
        tuned: the profile; an OpenAPS profile is given as it is.
        dates: the days used.
        zone: the person's.
        last_ratios: tuned over current, of the run that is continued.

    Returns:
        What to tell the person.

    Raises:
        Refused: `CARB_RATIO_RANGE` or `ISF_RANGE` where upstream would misread the one value.
    """
    several = []
    for part, schedule in tuned.several().items():
        days: tuple[DayInBlocks, ...] = ()
        if part is Part.CARB_RATIO:
            days = tuple(meals_in_blocks(run.work, date, zone, schedule) for date in dates)
        several.append(OneOfSeveral(part, schedule, days, last_ratios.get(part, 1.0)))
    if not several:
        run.file(FILE).unlink(missing_ok=True)
        return []
    _give(run, tuple(several))
    return [_said(one) for one in several]


def count_isf_points(run: RunDirectory, dates: Sequence[str], zone: str, compute: Callable[[Path], object]) -> None:
    """Let upstream run once more, count its ISF points in each block, and give it their mean; nothing for one ISF.

    Args:
        run: reads work/*; rewrites several_values.json and the profiles in work/ and uncorrected/.
        dates: the days used.
        zone: the person's.
        compute: what runs upstream over these days in a work directory.
    """
    several = read_several(run)
    isf = one_value(several, Part.ISF)
    if isf is None:
        return
    scratch = run.path / PASS
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        (scratch / "autotune").mkdir(parents=True, mode=0o700)
        write_settings(scratch, (run.work / "settings" / "pumpprofile.json").read_bytes(), None)
        for date in dates:
            for name in (f"ns-entries.{date}.json", f"ns-treatments.{date}.json"):
                shutil.copyfile(run.work / "autotune" / name, scratch / "autotune" / name)
        compute(scratch)
        days = tuple(_points_in_blocks(scratch, date, zone, isf.schedule) for date in dates)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    counted = OneOfSeveral(isf.part, isf.schedule, days, isf.start_ratio)
    _give(run, tuple(counted if one is isf else one for one in several))


def with_values(profile: bytes, values: Mapping[Part, float]) -> bytes:
    """One of upstream's profiles with these values as its ISF and carb ratio; unchanged where there are none."""
    if not values:
        return profile
    document = json_object(profile, "a profile")
    if (isf := values.get(Part.ISF)) is not None:
        document["isfProfile"]["sensitivities"][0]["sensitivity"] = isf
        if "sens" in document:
            document["sens"] = isf
    if (ratio := values.get(Part.CARB_RATIO)) is not None:
        document["carb_ratio"] = ratio
    return dump(document)


# --- making it


def _give(run: RunDirectory, several: Several) -> None:
    values = {one.part: one.value for one in several}
    start_values = {one.part: round(one.value * one.start_ratio, 3) for one in several}
    for work in (run.work, run.uncorrected):
        pump, start = work / "settings" / "pumpprofile.json", work / "settings" / "autotune.json"
        if not pump.is_file():
            continue
        given = with_values(pump.read_bytes(), values)
        check_profile(json.loads(given))
        write_settings(work, given, with_values(start.read_bytes(), start_values) if start.is_file() else None)
    run.write_json(FILE, {"settings": [one.document() for one in several]})


def meals_in_blocks(work: Path, date: str, zone: str, schedule: Schedule) -> DayInBlocks:
    """The carbs of one of upstream's days in each block of a schedule, by the local clock.

    Args:
        work: reads autotune/ns-treatments.DATE.json.
        date: the day, from 04:00 to 04:00.
        zone: the person's.
        schedule: of carb ratios.
    """
    grams, meals = [0.0] * len(schedule.blocks), [0] * len(schedule.blocks)
    all_meals, last_ms, counted = 0, -float("inf"), set[int]()
    for at_ms, carbs in carbs_of_day(work, date, zone):
        if at_ms - last_ms > ONE_MEAL_MIN * MINUTE_MS:
            all_meals, counted = all_meals + 1, set()
        last_ms = at_ms
        block = block_at(schedule, local_minutes(at_ms, zone))
        grams[block] += carbs
        meals[block] += block not in counted
        counted.add(block)
    return DayInBlocks(date, tuple(grams), tuple(meals), all_meals)


def _points_in_blocks(work: Path, date: str, zone: str, schedule: Schedule) -> DayInBlocks:
    counts = [0.0] * len(schedule.blocks)
    for point in prepped_of_day(work, date, "ISFGlucoseData"):
        if isinstance(at_ms := point.get("date"), int | float):
            counts[block_at(schedule, local_minutes(at_ms, zone))] += 1
    return DayInBlocks(date, tuple(counts), (0,) * len(counts))


def _said(one: OneOfSeveral) -> str:
    begins = f"The profile has several {NAMES[one.part]}; autotune tunes one:"
    if one.part is Part.ISF:
        return f"{begins} their mean over its own points for ISF, which one more pass counts."
    if one.made_from is OneValueFrom.TIME:
        given = "no carbs are recorded on the days used, so it is given their mean over the day"
        return f"{begins} {given}, and they are not tuned."
    return f"{begins} {one.value:g} g per U, which for the carbs of these days gives the insulin that they give."
