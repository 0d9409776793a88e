"""What two checkouts computed is compared: each changed number, colour, rule, ledger entry and byte is seen."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import same_results
from benchmarks.same_results import PARTS, TEXTS, compare, first_difference, main, record_of, renamed

PROPOSAL = {
    "created_at": "2026-05-01T00:00:00+00:00",
    "recommended": {"isf_mgdl_per_u": 44.0, "basal_u_per_h": [1.0, 1.1]},
    "verdict": {
        "colour": "amber",
        "headline": "Read the reasons.",
        "reasons": [{"rule": "daily_basal", "colour": "amber", "sentence": "It would change by 11 %."}],
        "rules_checked": ["daily_basal", "few_days"],
    },
    "days": [{"date": "2026-04-30", "status": "used", "quality": "green"}],
}
LEDGER = {
    "changes": 1,
    "rules": {"temp_basal_rate": {"records": 1, "description": "given a rate"}},
    "entries": [{"rule": "temp_basal_rate", "before": {"reason": "Eating soon"}, "reason": "absolute = rate"}],
}
Documents = dict[str, Any]


def recorded(directory: Path, proposal: Documents = PROPOSAL, ledger: Documents = LEDGER, upstream: str = "{}") -> Path:
    """A directory as `record` writes it, with one input."""
    run = directory / "run"
    (run / "work").mkdir(parents=True)
    (run / "proposal.json").write_text(json.dumps(proposal))
    (run / "ledger.json").write_text(json.dumps(ledger))
    (run / "work" / "newprofile.json").write_text(upstream)
    target = directory / "recorded"
    target.mkdir()
    (target / "person.json").write_text(json.dumps(record_of(run, 0, {})))
    return target


def changed(document: Documents, *where: str | int, to: Any) -> Documents:
    found = copy.deepcopy(document)
    inner: Any = found
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = to
    return found


@pytest.mark.parametrize(
    ("part", "new"),
    [
        ("numbers", {"proposal": changed(PROPOSAL, "recommended", "basal_u_per_h", 1, to=1.1000001)}),
        ("numbers", {"proposal": changed(PROPOSAL, "recommended", "isf_mgdl_per_u", to=44)}),
        ("colours", {"proposal": changed(PROPOSAL, "verdict", "colour", to="red")}),
        ("colours", {"proposal": changed(PROPOSAL, "days", 0, "quality", to="amber")}),
        ("rule ids", {"proposal": changed(PROPOSAL, "verdict", "reasons", 0, "rule", to="other")}),
        ("rule ids", {"proposal": changed(PROPOSAL, "verdict", "rules_checked", to=["daily_basal"])}),
        ("ledger", {"ledger": changed(LEDGER, "entries", 0, "before", to={"reason": "Exercise"})}),
        ("ledger", {"ledger": changed(LEDGER, "entries", to=[])}),
        ("upstream's bytes", {"upstream": "{ }"}),
    ],
)
def test_a_change_is_seen_in_its_part_and_nowhere_else(part: str, new: dict[str, Any], tmp_path: Path) -> None:
    old, after = recorded(tmp_path / "old"), recorded(tmp_path / "new", **new)
    rows, differences = compare(old, after)
    different = [name for name, cell in zip(PARTS, rows[1][1:], strict=True) if cell == "DIFFERENT"]
    assert [name for name in different if name != TEXTS] == [part]
    (difference,) = differences
    assert difference.startswith(f"person, {part}: /")
    assert main(["compare", str(old), str(after)]) == 1


def test_times_and_texts_of_the_ledger_are_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = changed(LEDGER, "entries", 0, "reason", to="the rate is absolute")
    ledger["rules"]["temp_basal_rate"]["description"] = "other words"
    old = recorded(tmp_path / "old")
    new = recorded(tmp_path / "new", changed(PROPOSAL, "created_at", to="2026-05-02T00:00:00+00:00"), ledger)
    assert main(["compare", str(old), str(new), "--texts"]) == 0
    assert capsys.readouterr().out.endswith("\nNo difference.\n")


def test_a_sentence_counts_only_where_asked(tmp_path: Path) -> None:
    old = recorded(tmp_path / "old")
    new = recorded(tmp_path / "new", changed(PROPOSAL, "verdict", "headline", to="Other words."))
    assert main(["compare", str(old), str(new)]) == 0
    assert compare(old, new)[0][1][-1] == "DIFFERENT"
    assert main(["compare", str(old), str(new), "--texts"]) == 1


def test_a_missing_input_is_a_difference_and_so_is_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert main(["compare", str(recorded(tmp_path / "old")), str(tmp_path / "none")]) == 1
    assert main(["compare", str(tmp_path / "none"), str(tmp_path / "none")]) == 1


def test_a_refused_run_is_compared_by_its_code(tmp_path: Path) -> None:
    found = record_of(tmp_path, 3, {"reason_codes": ["no_days_left"]})
    other = record_of(tmp_path, 3, {"reason_codes": ["no_records"]})
    assert first_difference(found, other) == '/exit and refusal/codes/0: "no_days_left" before, "no_records" after'


def test_what_was_renamed_on_purpose_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = json.loads(json.dumps(PROPOSAL).replace("daily_basal", "basal_total").replace("recommended", "tuned"))
    before, after = recorded(tmp_path / "old"), recorded(tmp_path / "new", new)
    assert compare(before, after)[1]
    monkeypatch.setattr(same_results, "RENAMED_IDS", {"daily_basal": "basal_total"})
    monkeypatch.setattr(same_results, "RENAMED_KEYS", {"recommended": "tuned"})
    assert compare(before, after) == compare(after, after)
    assert renamed({"a.b[0].a": ["x", 1]}, {"a": "c"}, {"x": "y"}) == {"c.b[0].c": ["y", 1]}
