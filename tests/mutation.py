"""Changes of a JSON document's structure, from a seed: what programs, people and transports have been seen to leave."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

Container = dict[str, Any] | list[Any]
Place = tuple[Container, Any]  # where a value is held, and by which key or index

NUMBERS: tuple[Any, ...] = (
    *(
        0,
        -0.0,
        -1,
        1,
        0.1,
        18,
        24,
        39,
        1440,
        86_400,
        100_000,
        2**31,
        2**53 + 1,
        -(2**63),
        10**200,
        1e-320,
        1e300,
        -1e300,
    ),
    *(1e15, 8.64e15, 8.64e15 + 1, -62_135_596_800_000, -62_135_596_800_001, 253_402_300_799_999, 253_402_300_800_000),
    *(1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000, 0.30000000000000004),
)
TEXTS = (
    *(
        "",
        " ",
        "x",
        "NaN",
        "Infinity",
        "-1",
        "1e999",
        "2,5",
        "1,500",
        "5 U",
        "٣",
        "２",
        "0x10",
        "null",
        "true",
        "[]",
        "{}",
    ),
    *(
        '"',
        '{"a": [',
        "[" * 40,
        "a.b",
        "$where",
        "__proto__",
        "@@@@@",
        "Day (80%)",
        "<b>",
        "\u202eabc",
        "\x00",
        "é\u0301",
    ),
    *(
        "x" * 10_000,
        "00:00",
        "24:00",
        "-1:00",
        "7:5",
        "23:59:60",
        "25:61",
        "Europe/Paris",
        "Etc/GMT+14",
        "Mars/Base",
        "../UTC",
    ),
    *("2026-02-30", "2026-05-13", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *(
        "2026-05-13T07:00:00+99:99",
        "2026-05-13T24:00:00Z",
        "2026-05-13 07:00",
        "Wed May 13 2026 07:00:00 GMT+0200 (CEST)",
    ),
    *(
        "mg/dl",
        "mmol",
        "MMOL/L",
        "U",
        "Temp Basal",
        "Profile Switch",
        "Combo Bolus",
        "Meal Bolus",
        "Site Change",
        "sgv",
        "mbg",
    ),
)
ATOMS: tuple[Any, ...] = (*NUMBERS, *TEXTS, None, True, False)


def nested(levels: int) -> Any:
    """Lists in objects in lists."""
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def containers() -> tuple[Any, ...]:
    """Those that stand where something else is expected."""
    return (
        [],
        {},
        [[]],
        [{}],
        {"a": 1},
        {"": None},
        [None],
        [1, 2],
        {"value": 1},
        {"$date": "x"},
        nested(40),
        nested(400),
    )


def mutated(document: Any, chance: random.Random) -> Any:
    """A copy with one to four changes."""
    made = [copy.deepcopy(document)]
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        whole, *inside = _places(made) or [(made, 0)]
        if not made:
            break
        held, key = chance.choice(inside) if inside and chance.random() < 0.97 else whole
        chance.choice(CHANGES)(held, key, chance)
    return made[0] if made else None


def _places(top: Container) -> list[Place]:
    found: list[Place] = []
    ahead: list[Container] = [top]
    while ahead:
        held = ahead.pop()
        for key, value in held.items() if isinstance(held, dict) else enumerate(held):
            found.append((held, key))
            if isinstance(value, dict | list) and len(found) < 3000:
                ahead.append(value)
    return found


# --- the changes: of a value, by what holds it and its key


def _atom(held: Any, key: Any, chance: random.Random) -> None:
    held[key] = chance.choice(ATOMS)


def _container(held: Any, key: Any, chance: random.Random) -> None:
    held[key] = chance.choice(containers())


def _removed(held: Any, key: Any, chance: random.Random) -> None:
    del held[key]


def _another_type(held: Any, key: Any, chance: random.Random) -> None:
    value = held[key]
    if isinstance(value, bool) or value is None:
        held[key] = str(value).lower()
    elif isinstance(value, int | float):
        held[key] = chance.choice((str(value), f" {value} ", f"{value}".replace(".", ","), [value], bool(value)))
    elif isinstance(value, str):
        try:
            held[key] = json.loads(value)
        except (ValueError, RecursionError):
            held[key] = chance.choice(([value], {value: value}, len(value), list(value[:20]), value.encode().hex()))
    else:
        held[key] = chance.choice(
            (json.dumps(value), list(value), dict.fromkeys(map(str, range(len(value))), 1), [value])
        )


def _number(held: Any, key: Any, chance: random.Random) -> None:
    value = held[key]
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e200:
        factor = chance.choice((-1, 0, 0.001, 0.1, 1 / 18, 1.0000001, 10, 18, 60, 1000, 1e6, 1e100))
        held[key] = value * factor if abs(value) < 1e150 else -value
    else:
        held[key] = chance.choice(NUMBERS)


def _text(held: Any, key: Any, chance: random.Random) -> None:
    value = held[key]
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        held[key] = chance.choice(
            (
                value[:at],
                value[at:],
                value.upper(),
                value + value,
                value[:at] + chance.choice("\x00é ٣:,.-+Z\u202e9") + value[at + 1 :],
            )
        )
    else:
        held[key] = chance.choice(TEXTS)


def _swapped(held: Any, key: Any, chance: random.Random) -> None:
    other = chance.choice(list(held) if isinstance(held, dict) else range(len(held)))
    held[key], held[other] = held[other], held[key]


def _twice(held: Any, key: Any, chance: random.Random) -> None:
    if isinstance(held, list):
        held.insert(chance.randrange(len(held) + 1), copy.deepcopy(held[key]))
    else:
        held[f"{key}{chance.choice(('2', ' ', 's', ''))}" or "x"] = copy.deepcopy(held[key])


def _renamed(held: Any, key: Any, chance: random.Random) -> None:
    if isinstance(held, dict):
        held[chance.choice((key.upper(), key + " ", key[:-1], "", chance.choice(TEXTS)))] = held.pop(key)
    else:
        chance.shuffle(held)


def _cut(held: Any, key: Any, chance: random.Random) -> None:
    value = held[key]
    if isinstance(value, list):
        held[key] = chance.choice((value[:1], value[1:], value[::-1], value * 2, [*value, None], []))
    elif isinstance(value, dict):
        held[key] = dict(list(value.items())[: chance.randrange(len(value) + 1)])
    else:
        _atom(held, key, chance)


def _put_in(held: Any, key: Any, chance: random.Random) -> None:
    if isinstance(held, dict):
        held[
            chance.choice(
                ("isValid", "units", "duration", "mills", "date", "utcOffset", "profileJson", "percentage", "x")
            )
        ] = chance.choice(ATOMS)
    else:
        held.insert(key, chance.choice((*ATOMS, {}, [])))


CHANGES: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    *(_atom, _atom, _atom, _container, _removed, _removed, _another_type, _another_type, _number, _text),
    *(_swapped, _twice, _renamed, _cut, _put_in),
)
