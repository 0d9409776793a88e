"""The first page."""

from __future__ import annotations

from tests.web.conftest import Page


def test_it_names_everybody(page: Page) -> None:
    answer = page.get("/")
    assert answer.status_code == 200
    assert ">ada<" in answer.text


def test_what_a_page_loads_is_there_and_kept(page: Page) -> None:
    import re

    for path in re.findall(r'(?:href|src)="(/s/[^"]+)"', page.get("/").text):
        answer = page.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
