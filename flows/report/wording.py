"""Texts and numbers as they stand on a page: strings of unknown origin made harmless, numbers with their decimals.

A profile's name or a note may hold anything a person or a program typed. The template escapes markup; here goes what
escaping leaves: control characters, bidirectional controls that turn the text around them, sheer length.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from flows.language.catalogue import Language, date_text, number_text, phrase, spoken, to_translate, translated
from flows.values.visible import visible

SHOWN = 280  # characters of a text of unknown origin
IN_TITLE = 1000  # characters that its title still holds
LONGEST_SENTENCE = 5000  # of ours: one that names every day of a year is shorter, and none is cut
NONE = "–"
DECIMALS = {"mg/dL/U": 1, "mmol/L/U": 2, "g/U": 1, "U/h": 3, "× schedule": 3}  # the least shown of a setting

# What units are called in another language; what is no unit of this list is the same in all.
UNITS = (
    to_translate("U"),
    to_translate("U/h"),
    to_translate("g/U"),
    to_translate("mg/dL/U"),
    to_translate("mmol/L/U"),
    to_translate("mg/dL per U"),
    to_translate("mmol/L per U"),
    to_translate("g per U"),
    to_translate("× schedule"),
)
# A number or a range: `70 mg/dL (3.9 mmol/L)`, `10–400 mg/dL/U (0.6–22.2 mmol/L/U)`.
_MGDL, _MMOLL = (rf"\d[\d.,–]* {unit}(?:/\w+)?" for unit in ("mg/dL", "mmol/L"))
_IN_BOTH = re.compile(rf"({_MGDL})(?: \(({_MMOLL})\)|, ({_MMOLL}))")
_SPACE = re.compile(r"\s+")
_PILED = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)


def harmless(text: str) -> str:
    """One line of visible text: no control, bidi or hidden characters, no pile of accents, no lone surrogates."""
    plain = _SPACE.sub(" ", visible(_SPACE.sub(" ", text)))
    return _PILED.sub(r"\1", plain).strip()


def harmless_all(value: Any) -> Any:
    """A document with every string in it made harmless, keys included."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, dict):
        return {harmless(str(k)): harmless_all(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [harmless_all(v) for v in value]
    return value


def cut(text: str, most: int = SHOWN) -> str:
    """The text, or its beginning with an ellipsis; never between a letter and its accent."""
    if len(text) <= most:
        return text
    end = most - 1
    while end > 0 and (unicodedata.combining(text[end]) or text[end] == "\u200d"):
        end -= 1
    return text[:end].rstrip() + "…"


def isolated(text: Any, most: int = SHOWN) -> Markup:
    """A text of unknown origin for a page: escaped, isolated from its surroundings, cut with the rest in its title."""
    whole = harmless(str(text))
    shown = cut(whole, most)
    if shown == whole:
        return Markup("<bdi>{}</bdi>").format(whole)
    return Markup('<bdi title="{}">{}</bdi>').format(cut(whole, IN_TITLE), shown)


def in_chosen_unit(text: str) -> Markup:
    """A sentence that names glucose in both units, for a page: of each pair the page shows the unit chosen."""
    whole, parts, done = harmless(text), [Markup("")], 0
    for pair in _IN_BOTH.finditer(whole):
        mgdl, mmoll = pair[1], pair[2] or pair[3]
        both = Markup('<span class="mgdl">{}</span><span class="mmoll">{}</span>').format(mgdl, mmoll)
        parts += [escape(whole[done : pair.start()]), both]
        done = pair.end()
    return Markup("").join([*parts, escape(whole[done:])])


def whole_sentence(text: Any, lang: str = "") -> Markup:
    """A sentence of ours, which may quote names of unknown origin, for a page: whole, isolated, in the unit chosen.

    Args:
        text: the sentence.
        lang: of it, where it is not the page's.
    """
    open_tag = Markup('<bdi lang="{}">').format(lang) if lang else Markup("<bdi>")
    return open_tag + Markup("{}</bdi>").format(in_chosen_unit(cut(harmless(str(text)), LONGEST_SENTENCE)))


def in_one_unit(text: str, *, mmol: bool) -> str:
    """A sentence that names glucose in both units, in the person's own."""
    return _IN_BOTH.sub(lambda pair: (pair[2] or pair[3]) if mmol else pair[1], text)


def lang_of(shown: str, stored: str) -> str:
    """`en` of a stored sentence that could not be said in the language that is spoken, else nothing."""
    return "" if spoken() is Language.ENGLISH or shown != stored else Language.ENGLISH.value


def headline_in_spoken(headline: str) -> str:
    """A verdict's headline, which is one or two sentences of the catalogue, in the language that is spoken."""
    if (whole := translated(headline)) != headline:
        return whole
    return " ".join(map(translated, re.split(r"(?<=\.) ", headline)))


# --- numbers ---------------------------------------------------------------------------------------------------------


def fixed(value: float | None, decimals: int) -> str:
    """A number with its decimals and a real minus; a dash for none. Zero has no sign."""
    if value is None:
        return NONE
    text = f"{value:.{decimals}f}"
    return number_text(text.lstrip("-") if float(text) == 0 else text.replace("-", "−"))


def exact(value: float | None, least: int = 0) -> str:
    """A number with all the decimals it has, at least so many: read again (with a point), it is that very number.

    For settings: a rate that lies on no step of the pump must not be shown as if it lay on one.
    """
    if value is None:
        return NONE
    whole, _, part = f"{Decimal(repr(float(value))):f}".partition(".")
    part = part.rstrip("0").ljust(least, "0")
    text = f"{whole}.{part}" if part else whole
    return number_text(text.lstrip("-") if float(text) == 0 else text.replace("-", "−"))


def day_shown(iso: str) -> str:
    """A day as a text shows it: in English as data have it, else as the language writes it."""
    if spoken() is Language.ENGLISH:
        return iso
    try:
        return date_text(date.fromisoformat(iso))
    except ValueError:
        return iso


def decimals_shown(value: float) -> int:
    """How many decimals `setting` shows of a number."""
    return len(f"{Decimal(repr(round(float(value), 6))):f}".partition(".")[2].rstrip("0"))


def setting(value: float, least: int = 0) -> str:
    """A setting with its own decimals, at most six: the noise of a conversion between units goes, no digit does."""
    return exact(round(value, 6), least)


def signed(value: float | None, decimals: int) -> str:
    """As `fixed`, with its sign."""
    text = fixed(value, decimals)
    return text if value is None or round(value, decimals) <= 0 else f"+{text}"


def decimals_of(step: float, most: int = 4) -> int:
    """How many decimals numbers on a step need."""
    return next((n for n in range(most) if abs(round(step, n) - step) < 1e-9), most)


def number(value: float | None, decimals: int, unit: str = "", *, sign: bool = False, exactly: bool = False) -> Markup:
    """A number for a page, with its unit if that is not in the head of its column.

    Args:
        value: the number.
        decimals: how many; with `exactly` at least so many, and all it has.
        unit: shown behind it.
        sign: whether a plus is shown.
        exactly: not rounded.
    """
    if value is None:
        dash = Markup('<span class="none"><span aria-hidden="true">–</span><span class="vh">{}</span></span>')
        return dash.format(phrase("not known"))
    text = exact(value, decimals) if exactly else signed(value, decimals) if sign else fixed(value, decimals)
    tail = Markup('\u202f<span class="u">{}</span>').format(translated(unit)) if unit else ""
    return Markup('<span class="n">{}</span>').format(text) + tail


def glucose(
    mgdl: float | None,
    mmoll: float | None,
    decimals: tuple[int, int] = (0, 1),
    per: str = "",
    *,
    unit: bool = True,
    sign: bool = False,
    exactly: bool = False,
) -> Markup:
    """A number in both units, of which the page shows the one chosen.

    Args:
        mgdl, mmoll: the same number in both.
        decimals: of each.
        per: what follows the unit, such as `/U`.
        unit: whether the units are shown; else they are in the head of the column.
        sign, exactly: as of `number`.
    """
    if mgdl is None or mmoll is None:
        return number(None, 0)
    units = (f"mg/dL{per}", f"mmol/L{per}") if unit else ("", "")
    return Markup('<span class="mgdl">{}</span><span class="mmoll">{}</span>').format(
        number(mgdl, decimals[0], units[0], sign=sign, exactly=exactly),
        number(mmoll, decimals[1], units[1], sign=sign, exactly=exactly),
    )
