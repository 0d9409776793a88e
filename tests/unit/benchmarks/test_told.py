"""What right people are told is counted as green only where it is green, and nothing is to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bodies.living import System
from benchmarks.following import told as command
from benchmarks.following.told import Told, main, report

OWN = "tests.unit.benchmarks.own_bodies"


@pytest.mark.parametrize(
    ("colour", "kind", "green"),
    [
        ("green", "keep", True),
        ("green", "change", False),
        ("amber", "keep", False),
        ("red", "keep", False),
        ("refused", "too_few_readings", False),
    ],
)
def test_green_is_a_green_verdict_with_nothing_to_change(colour: str, kind: str, green: bool) -> None:
    assert Told(0, System.LOOP, colour, kind, ()).green is green


def test_the_table_counts_each_way_of_dosing_and_names_what_keeps_from_green() -> None:
    people = [
        Told(0, System.LOOP, "green", "keep", ()),
        Told(1, System.PUMP, "amber", "change", ("insulin_unseen", "lows")),
        Told(2, System.LOOP, "amber", "keep", ("insulin_unseen",)),
    ]
    said = report(people)
    assert "| loop | 2 | 1 of 2 | 1 | 1 | 0 | 0 | 0 |" in said
    assert "| pump | 1 | 0 of 1 | 0 | 1 | 0 | 1 | 0 |" in said
    assert "| all | 3 | 1 of 3 | 1 | 2 | 0 | 1 | 0 |" in said
    assert "`insulin_unseen` 2, `lows` 1" in said


@pytest.mark.parametrize(("greens", "status"), [(1, 0), (0, 1)])
def test_it_fails_below_half(
    greens: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    colours = ["green"] * greens + ["amber"] * (2 - greens)
    monkeypatch.setattr(command, "lived", lambda *_: list(enumerate(colours)))
    monkeypatch.setattr(command, "told_all", lambda them, _: [Told(n, System.PUMP, c, "keep", ()) for n, c in them])
    document = tmp_path / "following.md"
    document.write_text("# Title\n")
    assert main(["--family", "ohsu", "--people", "2", "--write", str(document)]) == status
    assert f"{greens} of 2" in capsys.readouterr().out
    assert f"| all | 2 | {greens} of 2 |" in document.read_text()


@pytest.mark.oref0
def test_own_people_are_told_by_the_product_itself(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--bodies", OWN, "--people", "1", "--resamples", "0"])
    said = capsys.readouterr().out.splitlines()[0].split()
    assert said[:2] == ["0", "loop"]
    assert said[2] in ("green", "amber", "red"), "it was no refusal"
