"""Proposals with hostile text wherever the data or a program could put one."""

from __future__ import annotations

from typing import Any

from tests.sample_proposals import document

HOSTILE = {
    "markup": '"><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">',
    "template": "{{ 7 * 7 }}{% raw %}</style><style>body{display:none}</style>",
    "right_to_left": "\u202eevil\u202c \u0645\u0644\u0641 \u05e9\u05dc\u05d5\u05dd \u2067nested\u2066",
    "long": "pneumonoultramicroscopic" * 430,
    "controls": "a\x00b\x07c\x1b[31md\x85e\ud800f\ufeffg",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f4\U000e0067\U000e0062\U000e007f \u2764\ufe0f",
    "piled": "Z" + "\u0301" * 300 + "algo",
    "formula": '=1+1+cmd|" /C calc"!A0',
    "address": "javascript:alert(1) https://example.invalid/?q=<b>",
}


def hostile(**options: Any) -> dict[str, Any]:
    """A document with hostile text wherever the data or a program could put one."""
    changed = document(**options)
    texts = list(HOSTILE.values())
    changed["profile"] |= {"name": HOSTILE["markup"], "enteredBy": HOSTILE["right_to_left"], "note": HOSTILE["long"]}
    changed["warnings"] = texts
    changed["timezone"] = HOSTILE["markup"]
    changed["proposal_id"] = HOSTILE["controls"]
    changed["inputs"] = HOSTILE["formula"]
    changed["for_pump"]["remarks"] = texts
    changed["verdict"]["headline"] = HOSTILE["markup"] + HOSTILE["long"]
    changed["verdict"]["reasons"] = [
        {"rule": text, "title": text, "colour": "amber", "sentence": text, "source": text} for text in texts
    ]
    for part in (changed["evidence"]["isf"], changed["evidence"]["carb_ratio"], *changed["evidence"]["basal"]):
        part["explanation"] = texts
    changed["evidence"]["why_no_repetitions"] = HOSTILE["long"]
    if changed["evidence"]["held_out"]:
        changed["evidence"]["held_out"]["sentence"] = HOSTILE["piled"] + HOSTILE["markup"]
    for variant in changed["evidence"]["sensitivity"]:
        variant["variant"] = HOSTILE["template"]
    changed["days"][0] |= {"date": HOSTILE["markup"], "reason": HOSTILE["long"], "quality": 'green" onclick="x'}
    changed["days"][1] |= {"status": HOSTILE["right_to_left"], "remarks": texts}
    changed["ledger"] = {"rules": {HOSTILE["markup"]: {"records": "<b>", "description": HOSTILE["long"]}}}
    changed["engine"] |= {"node": HOSTILE["markup"], HOSTILE["markup"]: HOSTILE["controls"]}
    changed["options"] = {HOSTILE["long"]: HOSTILE["template"]}
    changed["rests_on"] = {HOSTILE["markup"] + "/" + HOSTILE["long"]: HOSTILE["emoji"]}
    if changed["without_correction"]:
        changed["without_correction"]["changed"] = texts
    return changed
