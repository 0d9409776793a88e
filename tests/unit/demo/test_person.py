"""The demonstration's person: drawn by the seed that is written down, and said as a person's own data say it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from flows.history.insulin_named import RAPID, insulin_named
from flows.orchestration.blocks import NightscoutSite
from flows.settings import AgeGroup
from tests.conftest import ROOT
from tests.demo import PERSON

MAKER = ROOT / "fixtures" / "make_fixtures.py"


def document(name: str) -> Any:
    return json.loads((PERSON / f"{name}.json").read_text("utf-8"))


def declared() -> tuple[str, int]:
    """The kind and the seed, as the maker's source declares them."""
    line = re.search(
        r'^DEMONSTRATION, DEMONSTRATION_KIND, DEMONSTRATION_SEED = "demonstration", "(\w+)", (\d+)$',
        MAKER.read_text("utf-8"),
        re.MULTILINE,
    )
    assert line is not None
    return line[1], int(line[2])


def test_the_person_is_of_the_seed_that_is_declared_and_documented() -> None:
    kind, seed = declared()
    truth = document("truth")
    assert (truth["kind"], truth["seed"]) == (kind, seed)
    readme = (ROOT / "fixtures" / "README.md").read_text("utf-8")
    assert f"seed {seed}" in readme
    assert truth["simulator"]["virtual_person"] in readme


def test_the_person_is_the_first_draw_where_simglucose_is_installed() -> None:
    pytest.importorskip("simglucose", reason="needs simglucose")
    from fixtures.make_fixtures import configure, establish_truth, scenario_for

    kind, seed = declared()
    scenario = scenario_for(kind, seed)
    true = establish_truth(scenario)[1]
    truth = document("truth")
    assert truth["simulator"]["virtual_person"] == scenario.virtual_person
    assert true.as_document().items() <= truth.items()
    assert truth["configured"] == configure(scenario, true).as_document()


def test_the_doses_name_the_insulin_and_the_settings_the_age_group() -> None:
    named = insulin_named(document("treatments"), None)
    assert (named.curve, named.peak_min, named.doubts) == (RAPID, 75.0, ())
    assert document("settings") == {"age_group": AgeGroup.TEENAGER}
    assert document("truth")["simulator"]["virtual_person"].startswith("adolescent#")
    block = NightscoutSite(url="https://demo.example", options=document("settings"))
    assert block.options == {"age_group": "teenager"}


def test_what_is_written_of_the_person_is_so() -> None:
    truth, readme = document("truth"), (ROOT / "fixtures" / "README.md").read_text("utf-8")
    guide = " ".join((ROOT / "docs" / "guide.md").read_text("utf-8").split())
    wrong = sorted(round(100 * abs(one["configured_over_true"] - 1)) for one in truth["wrong_on_purpose"].values())
    for text in (guide, readme):
        assert f"wrong by {wrong[0]} to {wrong[-1]} %" in " ".join(text.split())
    rows = dict(re.findall(r"^\| ([\w ,/]+) \| ([\d.]+) \| [\d.]+ \| [\d.]+ \| [\d.–]+ \|$", readme, re.MULTILINE))
    now = truth["configured"]
    assert {name: float(number) for name, number in rows.items()} == {
        "basal, U/day": now["basal_u_per_day"],
        "ISF, mg/dL per U": now["isf_mgdl_per_u"],
        "carb ratio, g per U": now["carb_ratio_g_per_u"],
    }
