"""Small drawings of the start probe: upstream's answer beside the setting it started from, for each kind of setting."""

from __future__ import annotations

import math

from markupsafe import Markup

from flows.language.catalogue import phrase, to_translate, translated
from flows.proposal.evidence_document import StartProbe
from flows.report.svg import plots
from flows.report.svg.plots import Frame
from flows.report.wording import fixed
from flows.values.parts import Part

NAMES = {
    Part.BASAL: to_translate("basal, U a day"),
    Part.ISF: to_translate("ISF, mg/dL/U"),
    Part.CARB_RATIO: to_translate("carb ratio, g/U"),
}
SIZE = (200.0, 150.0)


def start_probe(probe: StartProbe) -> Markup:
    """Start on the horizontal axis, answer on the vertical one; the thin line is where they are equal.

    A flat line: the days decide. One along the thin line: the start does.
    """
    every = (*probe.starts, *probe.answers)
    span = min(every) * 0.95, max(every) * 1.05
    frame = Frame(*SIZE, span, span, left=40, right=10, top=20, bottom=36)
    marks = [(m, fixed(m, _decimals(span))) for m in plots.ticks(*span, 3)]
    ends = [(frame.x(value), frame.y(value)) for value in span]
    points = [(frame.x(start), frame.y(answer)) for start, answer in zip(probe.starts, probe.answers, strict=True)]
    parts = [
        plots.y_axis(frame, marks, phrase("answer: {what}", what=translated(NAMES[probe.part]))),
        plots.x_axis(frame, marks, phrase("start")),
        plots.stroke(*ends[0], *ends[-1], "cap-line"),
        plots.stroke(*points[0], *points[-1], "new-line"),
        plots.dots(frame, probe.starts, probe.answers, "new-dot", 3.2),
    ]
    both = zip(probe.starts, probe.answers, strict=True)
    said = ", ".join(phrase("from {start:g} to {answer:g}", start=a, answer=b) for a, b in both)
    title = phrase("Start probe, {what}", what=translated(NAMES[probe.part]))
    return plots.drawing(frame, f"probe-{probe.part.value}", title, f"{said}.", parts)


def _decimals(span: tuple[float, float]) -> int:
    return max(0, 1 - math.floor(math.log10(span[1] - span[0])))
