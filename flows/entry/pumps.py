"""What each pump takes as scheduled basal, and what its own bolus calculator takes: a row a pump.

Read in November 2026 from the drivers' sources and the makers' manuals, which each row names; what stands nowhere but
in another program's claim is called not verified in the row's `remarks`, which the sheet shows. Where two sources
differ the narrower range stands here: a number within it is taken by all.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.entry.steps import StepBand, Steps, even
from flows.language.catalogue import to_translate

AAPS_PUMPS = "AndroidAPS 3.4.2.2, core/data PumpType and DoseStepSize"


@dataclass(frozen=True)
class Calculator:
    """What a pump's bolus calculator takes; both steps of ISF per U. No more than so many blocks of each setting."""

    carb_ratio_g_per_u: Steps
    isf_mgdl_per_u: Steps
    isf_mmoll_per_u: Steps
    most_blocks: int
    block_minutes: int = 30
    source: str = ""


@dataclass(frozen=True)
class Pump:
    """One pump.

    Attributes:
        name: as a person knows it.
        basal: U/h.
        block_minutes: blocks of basal begin on multiples of it.
        most_blocks: of basal.
        every_hour: it has a field for each hour, and no blocks.
        shared_blocks: basal, ISF and carb ratio share its blocks (the number is that of all of them together).
        calculator: of its own, where what it takes is known.
        greatest_in_loop_kit: U/h, where the driver of Loop, Trio and iAPS goes less high.
        in_aaps: AAPS has a driver for it.
        remarks: what a person has to know who types into the pump itself; `app_remarks` who types into an app.
        source: of these numbers.
    """

    name: str
    basal: Steps
    block_minutes: int
    most_blocks: int
    source: str
    every_hour: bool = False
    shared_blocks: bool = False
    calculator: Calculator | None = None
    greatest_in_loop_kit: float | None = None
    remarks: tuple[str, ...] = ()
    app_remarks: tuple[str, ...] = ()
    in_aaps: bool = True


HALF_HOUR, HOUR = 30, 60
_MEDTRONIC_BANDS = (StepBand(0.025, 1.0), StepBand(0.05, 10.0), StepBand(0.1))
_SENSITIVITY_OF_MEDTRONIC = (even(1.0, 1.0, 511.0), even(0.1, 0.1, 28.3))
_DECOCARE = "openaps/decocare commands.py (ReadCarbRatios, ReadInsulinSensitivities)"
_CARB_RATIOS_NOT_VERIFIED = to_translate(
    "The range of its carb ratios is not verified: look whether the device offers these very numbers."
)
_OWN_GREATEST = to_translate("Its greatest basal is a setting of the pump itself.")
_DOWN = to_translate(
    "It gives steps of 0.00625 U/h: AAPS rounds what is entered down to them, about 0.07 U a day in all."
)

PUMPS: dict[str, Pump] = {
    "omnipod": Pump(
        to_translate("Omnipod Eros or DASH"),
        even(0.05, 0.05, 30.0),
        HALF_HOUR,
        24,
        "LoopKit/OmniKit OmnipodCommon/Pod.swift and BasalSchedule.swift, LoopKit/OmniBLE Pod.swift; " + AAPS_PUMPS,
    ),
    "omnipod-5": Pump(
        "Omnipod 5",
        even(0.05, 0.05, 30.0),
        HALF_HOUR,
        24,
        "Insulet, Omnipod 5 technical user guide 029c part 8, summary of settings",
        calculator=Calculator(
            even(0.1, 1.0, 150.0),
            even(1.0, 1.0, 400.0),
            even(0.1, 0.1, 22.2),
            8,
            source="as above; mmol/L from mg/dL by 18",
        ),
        remarks=(
            to_translate("In automated mode it uses neither this basal nor this ISF for what it gives by itself."),
            to_translate(
                "That a basal program has 24 blocks is not verified: look whether the device offers these very numbers."
            ),
        ),
        in_aaps=False,
    ),
    "medtronic": Pump(
        to_translate("Medtronic 523, 723, 554 or 754"),
        Steps(0.025, 35.0, _MEDTRONIC_BANDS),
        HALF_HOUR,
        48,
        "LoopKit/MinimedKit Models/PumpModel.swift; openaps/oref0 lib/round-basal.js; " + AAPS_PUMPS,
        calculator=Calculator(even(0.1, 1.0, 150.0), *_SENSITIVITY_OF_MEDTRONIC, 8, source=_DECOCARE),
        remarks=(_CARB_RATIOS_NOT_VERIFIED,),
    ),
    "medtronic-older": Pump(
        to_translate("Medtronic 515, 522, 715, 722 or older"),
        even(0.05, 0.05, 35.0),
        HALF_HOUR,
        48,
        "LoopKit/MinimedKit Models/PumpModel.swift; " + AAPS_PUMPS,
        calculator=Calculator(
            even(1.0, 1.0, 150.0), *_SENSITIVITY_OF_MEDTRONIC, 8, source=_DECOCARE + ", ReadCarbRatios512; 522 guide"
        ),
        remarks=(to_translate("It takes carb ratios in whole grams only."), _CARB_RATIOS_NOT_VERIFIED),
    ),
    "medtronic-600-700": Pump(
        to_translate("Medtronic 630G, 640G, 670G, 770G or 780G"),
        Steps(0.025, 35.0, _MEDTRONIC_BANDS),
        HALF_HOUR,
        48,
        AAPS_PUMPS + " (MEDTRONIC_640G); Medtronic how-to guide of the 600 series (48 segments a pattern)",
        remarks=(
            to_translate("In automatic mode it uses neither this basal nor the ISF; it does use the carb ratio."),
        ),
        in_aaps=False,
    ),
    "tandem": Pump(
        to_translate("Tandem t:slim X2 or Mobi"),
        even(0.001, 0.1, 15.0),
        1,
        16,
        "Tandem support article 360039787773 (16 segments a profile); jwoglom/pumpX2 CreateIDPRequest; " + AAPS_PUMPS,
        shared_blocks=True,
        calculator=Calculator(
            Steps(1.0, 300.0, (StepBand(0.1, 10.0), StepBand(1.0))),
            even(1.0, 1.0, 600.0),
            even(0.1, 0.1, 33.3),
            16,
            1,
            "jwoglom/pumpX2 IDPSegmentResponse",
        ),
        remarks=(
            to_translate("Its 16 segments hold basal, correction factor, carb ratio and target together."),
            to_translate("With Control-IQ its target is 110 mg/dL and its insulin duration 5 h, whatever is entered."),
            to_translate("A target that changes at another time than the others needs a segment more."),
            to_translate(
                "The range of its basal (to 15 U/h), carb ratio and ISF, and the steps of its carb ratio is not "
                "verified: look whether the device offers these very numbers."
            ),
        ),
        in_aaps=False,
    ),
    "dana": Pump(
        to_translate("Dana RS or Dana-i"),
        even(0.01, 0.04, 25.0),
        HOUR,
        24,
        "AndroidAPS 3.4.2.2 pump/dana DanaPump.kt; loopandlearn/DanaKit convertBasal, DanaBasalSetProfileRate; "
        + AAPS_PUMPS,
        every_hour=True,
        greatest_in_loop_kit=3.0,
        app_remarks=(
            to_translate(
                "Loop, Trio and iAPS send a few rates to it 0.01 U/h too low (0.29, 0.57, 0.58, 1.13–1.16 …)."
            ),
        ),
    ),
    "dana-r-korean": Pump("Dana R Korean", even(0.01, 0.1, 25.0), HOUR, 24, AAPS_PUMPS, every_hour=True),
    "insight": Pump(
        "Accu-Chek Insight",
        Steps(0.02, 25.0, (StepBand(0.01, 5.0), StepBand(0.1))),
        HOUR,
        24,
        "AndroidAPS 3.4.2.2 pump/insight InsightPlugin.kt, BRProfileBlock.kt; " + AAPS_PUMPS,
        remarks=(_OWN_GREATEST,),
        app_remarks=(_OWN_GREATEST,),
    ),
    "combo": Pump(
        "Accu-Chek Combo",
        Steps(0.05, 25.0, (StepBand(0.01, 1.0), StepBand(0.05, 10.0), StepBand(0.1))),
        HOUR,
        24,
        "AndroidAPS 3.4.2.2 pump/combov2 comboctl BasalProfile.kt",
        every_hour=True,
        remarks=(
            to_translate(
                "Its greatest basal (25 U/h) is not verified: look whether the device offers these very numbers."
            ),
        ),
    ),
    "ypsopump": Pump(
        "YpsoPump",
        Steps(0.02, 40.0, (StepBand(0.01, 1.0), StepBand(0.02, 2.0), StepBand(0.1, 15.0), StepBand(0.5))),
        HOUR,
        24,
        AAPS_PUMPS,
        every_hour=True,
        remarks=(
            to_translate(
                "That it has a rate for each of 24 hours is not verified: look whether the device offers these very "
                "numbers."
            ),
        ),
        in_aaps=False,
    ),
    "medtrum": Pump(
        "Medtrum Nano",
        even(0.05, 0.05, 25.0),
        HALF_HOUR,
        48,
        "AndroidAPS 3.4.2.2 pump/medtrum MedtrumPump.kt; loopandlearn/MedtrumKit BasalSchedule.swift",
    ),
    "diaconn": Pump("Diaconn G8", even(0.01, 0.05, 3.0), HOUR, 24, AAPS_PUMPS, every_hour=True),
    "equil": Pump(
        "Equil",
        even(0.01, 0.01, 3.0),
        HOUR,
        24,
        "AndroidAPS 3.4.2.2 pump/equil Utils.kt; " + AAPS_PUMPS,
        remarks=(_DOWN,),
        app_remarks=(_DOWN,),
    ),
    "eopatch": Pump(
        "EOPatch 2",
        even(0.05, 0.05, 15.0),
        HALF_HOUR,
        48,
        "AndroidAPS 3.4.2.2 pump/eopatch NormalBasalManager.kt; " + AAPS_PUMPS,
    ),
}
