"""Ways in which a file of a run or a journal comes to be another than was written, from a seed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

Damage = Callable[[Path], object]
ANOTHER_TYPE: tuple[Any, ...] = (None, True, -1, 10**400, "x", [], {}, [[]], {"a": []}, "2026-11-22T12:00:00", "../..")
NESTED = 10_000


def instead(path: Path, make: Callable[[Path], object]) -> None:
    """Put something else in the place of a file or directory."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    make(path)


def _linked(path: Path) -> None:
    moved = path.with_name(path.name + ".moved")
    path.rename(moved)
    path.symlink_to(moved)


REPLACED: dict[str, Damage] = {
    "a link to the same": _linked,
    "a link to itself": lambda p: instead(p, lambda q: q.symlink_to(q)),
    "a directory": lambda p: instead(p, Path.mkdir),
    "a pipe": lambda p: instead(p, os.mkfifo),
    "missing": lambda p: instead(p, lambda _: None),
}
WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no UTF-8": lambda c: c[: len(c) // 2] + b"\xff\xfe" + c[len(c) // 2 :],
    "zeros": lambda c: bytes(len(c)),
    "NaN": lambda c: c.replace(b": 1", b": NaN", 1) if b": 1" in c else b'{"a": NaN}',
    "nested lists": lambda _: b"[" * NESTED + b"]" * NESTED,
    "nested objects": lambda _: b'{"a": ' * NESTED + b"1" + b"}" * NESTED,
    "a text": lambda _: b'"text"',
    "null": lambda _: b"null",
    "lists": lambda _: b"[[], [1]]",
    "objects": lambda _: b'[{"a": 1}]',
}


def rewritten(make: Callable[[bytes], bytes]) -> Damage:
    return lambda path: path.write_bytes(make(path.read_bytes()))


def places(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and index of a document, each as its way from the top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*where, key)
        yield from places(child, (*where, key))


def without(document: Any, where: tuple[Any, ...]) -> Any:
    """The document without one key or item."""
    copy = json.loads(json.dumps(document))
    target = copy
    for key in where[:-1]:
        target = target[key]
    del target[where[-1]]
    return copy


def with_other(document: Any, where: tuple[Any, ...], value: Any) -> Any:
    """The document with something else in one place."""
    copy = json.loads(json.dumps(document))
    target = copy
    for key in where[:-1]:
        target = target[key]
    target[where[-1]] = value
    return copy


def structural(content: bytes, seed: int, seal: Callable[[Any], Any] = lambda d: d) -> Iterator[tuple[str, Damage]]:
    """Each key removed, and each value of another type; of a file of lines, in each line. `seal` makes hashes fit."""
    chance = random.Random(seed)  # noqa: S311
    lines = content.splitlines() if content.count(b"\n{") else [content]

    def written(number: int, change: Callable[[], Any]) -> Damage:
        def act(path: Path) -> None:
            line = json.dumps(seal(change()), ensure_ascii=False).encode()
            path.write_bytes(b"\n".join([*lines[: number - 1], line, *lines[number:]]) + b"\n")

        return act

    for number, line in enumerate(lines, 1):
        document = json.loads(line)
        for where in places(document):
            value = chance.choice([v for v in ANOTHER_TYPE if type(v) is not type(_at(document, where))])
            name = f"line {number} {'.'.join(map(str, where))}"
            yield f"{name} removed", written(number, partial(without, document, where))
            yield f"{name} is {str(value)[:20]!r}", written(number, partial(with_other, document, where, value))


def _at(document: Any, where: tuple[Any, ...]) -> Any:
    for key in where:
        document = document[key]
    return document


def torn(content: bytes, every: int = 10) -> Iterator[tuple[str, Damage]]:
    """Cut off at every tenth byte."""
    for at in range(0, len(content), every):
        yield f"cut off at {at}", rewritten(itemgetter(slice(at)))


def damages(file: Path, seed: int, seal: Callable[[Any], Any] | None = None) -> Iterator[tuple[str, Damage]]:
    """Every way of damaging one file; those of `seal` are also made with hashes that fit."""
    content = file.read_bytes()
    yield from REPLACED.items()
    for kind, make in WHOLE.items():
        yield kind, rewritten(make)
    if file.suffix in (".json", ".jsonl"):
        yield from torn(content)
        yield from structural(content, seed)
        if seal is not None:
            yield from ((f"{kind}, sealed", act) for kind, act in structural(content, seed, seal))
