"""Whether a sentence and its facts say the same numbers: whatever is no constant word of its module is a fact."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from inspect import getsource

from flows.proposal.consensus_limits import PREGNANCY, USUAL
from flows.values.sentence import CASE, NamedFacts

NUMBER = re.compile(r"\d+(?:\.\d+)?")
OF_LIMITS = frozenset(n for limit in (*USUAL, *PREGNANCY) for n in NUMBER.findall(f"{limit.where} {limit.allowed}"))


def numbers_apart(sentence: str, facts: NamedFacts, module: str) -> set[str]:
    """The numbers of the sentence that neither a fact nor a constant text of the module has, and facts not said."""
    said = NUMBER.findall(sentence)
    texts = [n for name, fact in facts.items() if isinstance(fact, str) and name != CASE for n in NUMBER.findall(fact)]
    amounts = {abs(fact) for fact in facts.values() if not isinstance(fact, str)}
    unknown = {n for n in said if n not in texts and float(n) not in amounts and n not in constant_numbers(module)}
    return unknown | {name for name, fact in facts.items() if not _is_said(name, fact, sentence, said)}


def _is_said(name: str, fact: float | str, sentence: str, said: Iterable[str]) -> bool:
    if isinstance(fact, str):
        return name == CASE or fact in sentence
    return abs(fact) in map(float, said)


@cache
def constant_numbers(module: str) -> frozenset[str]:
    """Numbers in the texts of a module's functions and constants, without facts, formats and its table of rules."""
    tree = ast.parse(getsource(import_module(module)))
    parts = [part for part in tree.body if isinstance(part, ast.FunctionDef | ast.ClassDef | ast.Assign)]
    nodes = [node for part in parts for node in ast.walk(part)]
    formats = {id(n) for node in nodes if isinstance(node, ast.FormattedValue) and node.format_spec
               for n in ast.walk(node.format_spec)}  # fmt: skip
    texts = (
        n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in formats
    )
    words = " ".join(re.sub(r"\{[^{}]*\}", " ", text) for text in texts)
    return frozenset(NUMBER.findall(words)) | (OF_LIMITS if module.endswith("rules.glucose") else frozenset())
