"""Whatever a document says, reading, preparing and planning end in a result or in a refusal with its reason."""

from __future__ import annotations

from pathlib import Path

from tests.mutated import run

DOCUMENTS, SEED = 250, 3  # more, and other seeds: `python -m tests.mutated --documents 100000 --seed 1`


def test_no_mutated_document_ends_in_anything_but_a_result_or_a_refusal(memory: Path) -> None:
    found = run(DOCUMENTS, SEED, memory)
    assert found.failed == {}
    assert found.documents.total() >= DOCUMENTS
    results = sum(count for (_, ended), count in found.ended.items() if ended == "a result")
    assert results > len(found.documents)  # it is not all refused at the door
