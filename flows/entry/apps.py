"""What each app takes, and in which order it asks: a row an app.

Read in November 2026 from the apps' sources, which each row names: AAPS 3.4.2.2, Trio 0.8.4, iAPS 8.3.6, LoopKit as of
February 2024. What a newer version changed is not known here, and the sheet says of which version it speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.entry.steps import StepBand, Steps, even
from flows.language.catalogue import to_translate
from flows.values.parts import Part


@dataclass(frozen=True)
class Screen:
    """One screen of an app or a pump: its title there, and which of the tuned settings it holds (`None`: another)."""

    title: str
    part: Part | None = None


@dataclass(frozen=True)
class App:
    """One app.

    Attributes:
        name: with the version that was read.
        screens: in its order.
        block_minutes: its rows begin on multiples of it.
        most_blocks: of each setting.
        basal: U/h, of its own editor; `None` where it offers what the pump does.
        carb_ratio_g_per_u, isf_mgdl_per_u, isf_mmoll_per_u: what it takes.
        dia_h: the durations of insulin action it takes; `None` where it has none to set.
        is_loop_kit: its drivers are those of Loop.
        remarks: what a person has to know, before anything is typed.
        source: of these numbers.
    """

    name: str
    screens: tuple[Screen, ...]
    block_minutes: int
    most_blocks: int
    basal: Steps | None
    carb_ratio_g_per_u: Steps
    isf_mgdl_per_u: Steps
    isf_mmoll_per_u: Steps
    dia_h: Steps | None
    remarks: tuple[str, ...]
    source: str
    is_loop_kit: bool = True


_ANY_DIA_H = Steps(1.0, 24.0, (StepBand(0.001),))  # a plain field
# What the pickers of Trio, iAPS and Loop offer while they know of no pump; each pump's own list is a part of it, or is
# named with --pump.
WITHOUT_PUMP = even(0.05, 0.05, 10.0)
WRITE_FIRST = to_translate("Keep a picture of what it shows now: on paper, or a screenshot.")
TYPED_ONLY = to_translate(
    "Type the numbers: a profile of Nightscout is taken while the app is set up for the first time only, and one from "
    "a file never."
)

APPS: dict[str, App] = {
    "aaps": App(
        "AAPS 3.4",
        (
            Screen("DIA"),
            Screen("IC", Part.CARB_RATIO),
            Screen("ISF", Part.ISF),
            Screen("BAS", Part.BASAL),
            Screen(to_translate("TARG")),
        ),
        60,
        24,
        even(0.01, 0.01, 25.0),
        even(0.1, 0.3, 100.0),
        even(1.0, 2.0, 1000.0),
        even(0.1, 0.2, 55.5),
        even(0.1, 5.0, 10.0),
        (
            to_translate(
                "It can take the profile from Nightscout instead (`autotune apply`). From a file it takes no single "
                "profile."
            ),
            to_translate("Save stores it; it counts once it is activated by a profile switch at 100 %."),
            to_translate(
                "A profile switch below 100 % makes every rate smaller, and is refused where one falls below the "
                "pump's least."
            ),
        ),
        "nightscout/AndroidAPS 3.4.2.2 plugins/main ProfileFragment.kt, ui TimeListEdit.kt, core/interfaces "
        "HardLimits.kt",
        is_loop_kit=False,
    ),
    "trio": App(
        "Trio 0.8",
        (
            Screen(to_translate("Units & Limits")),
            Screen(to_translate("Glucose Targets")),
            Screen(to_translate("Basal Rates"), Part.BASAL),
            Screen(to_translate("Carb Ratios"), Part.CARB_RATIO),
            Screen(to_translate("Insulin Sensitivities"), Part.ISF),
        ),
        block_minutes=30,
        most_blocks=48,
        basal=None,
        carb_ratio_g_per_u=even(0.1, 1.0, 50.0),
        isf_mgdl_per_u=even(1.0, 9.0, 540.0),
        isf_mmoll_per_u=even(0.1, 0.5, 29.9),
        dia_h=even(0.5, 5.0, 10.0),
        remarks=(
            TYPED_ONLY,
            to_translate(
                "A stored number that its picker does not have is shown as the picker's FIRST one (carb ratio 1.0, "
                "basal 0 or 0.05), and saved with the rest. Before you save, compare every row of the screen with this "
                "sheet, also those you did not touch."
            ),
        ),
        source="nightscout/Trio 0.8.4 Modules/{BasalProfileEditor,CarbRatioEditor,ISFEditor,Settings}, "
        "Models/DecimalPickerSettings.swift",
    ),
    "iaps": App(
        "iAPS 8.3",
        (
            Screen(to_translate("Pump Settings")),
            Screen(to_translate("Basal Profile"), Part.BASAL),
            Screen(to_translate("Insulin Sensitivities"), Part.ISF),
            Screen(to_translate("Carb Ratios"), Part.CARB_RATIO),
            Screen(to_translate("Target Glucose")),
        ),
        block_minutes=30,
        most_blocks=48,
        basal=None,
        carb_ratio_g_per_u=even(0.1, 0.1, 50.0),
        isf_mgdl_per_u=even(1.0, 9.0, 540.0),
        isf_mmoll_per_u=even(0.1, 0.1, 30.0),
        dia_h=_ANY_DIA_H,
        remarks=(
            to_translate(
                "A stored number that its picker does not have is shown as the picker's FIRST one (carb ratio 0.1 g/U, "
                "ISF 9 mg/dL or 0.1 mmol/L, basal 0 or 0.05), and saved with the rest: many times the insulin. Before "
                "you save, compare every row of the screen with this sheet, also those you did not touch."
            ),
            to_translate("Its own Autotune has to be off: it would change these numbers again every day."),
            to_translate(
                "Type the numbers. From a file it takes no profile. It can import the one named `default` from "
                "Nightscout: do not, it keeps numbers that its pickers do not have."
            ),
        ),
        source="Artificial-Pancreas/iAPS 8.3.6 Modules/{CREditor,ISFEditor,BasalProfileEditor,PumpSettingsEditor}",
    ),
    "loop": App(
        "Loop 3",
        (
            Screen(to_translate("Glucose Safety Limit")),
            Screen(to_translate("Correction Range")),
            Screen(to_translate("Pre-Meal Range")),
            Screen(to_translate("Carb Ratios"), Part.CARB_RATIO),
            Screen(to_translate("Basal Rates"), Part.BASAL),
            Screen(to_translate("Delivery Limits")),
            Screen(to_translate("Insulin Model")),
            Screen(to_translate("Insulin Sensitivities"), Part.ISF),
        ),
        block_minutes=30,
        most_blocks=48,
        basal=None,
        carb_ratio_g_per_u=even(0.1, 2.0, 150.0),
        isf_mgdl_per_u=even(1.0, 10.0, 500.0),
        isf_mmoll_per_u=even(0.1, 0.6, 27.7),
        dia_h=None,
        remarks=(
            TYPED_ONLY,
            to_translate(
                "A number it does not offer is shown as unsupported, and nothing of that screen can be saved until it "
                "is corrected."
            ),
        ),
        source="LoopKit/LoopKit Guardrail+Settings.swift, LoopKitUI ScheduleEditor.swift, TherapySettingsView.swift",
    ),
}
