"""The colours of both themes: texts can be read on every ground that they stand on."""

import re
from pathlib import Path

import pytest

from hairtrigger.server.dashboard import assets

SHEET = Path(assets.__file__).parent / "static" / "css" / "tokens.css"
TEXTS = ("fg-1", "fg-2", "fg-3", "ember-fg", "ok", "run", "wait", "retry", "fail", "crash", "late", "idle", "ice",
         "code-key", "code-str", "code-num", "code-kw", "code-null")  # fmt: skip
GROUNDS = ("bg-0", "bg-1", "bg-2", "bg-3", "bg-4")
_BLOCK = re.compile(r"\[data-theme=(\w+)\] \{(.*?)\n  \}", re.DOTALL)
_TOKEN = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


def themes() -> dict[str, dict[str, str]]:
    return {name: dict(_TOKEN.findall(body)) for name, body in _BLOCK.findall(SHEET.read_text())}


def luminance(colour: str) -> float:
    """Of a colour #rrggbb. Source: WCAG 2.2, relative luminance."""
    channels = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_texts_have_a_contrast_of_4_5_on_every_ground(theme: str) -> None:
    colours = themes()[theme]

    weak = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for text in TEXTS for ground in GROUNDS
        if contrast(colours[text], colours[ground]) < 4.5
    }  # fmt: skip

    assert weak == {}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_outlines_of_controls_have_a_contrast_of_3(theme: str) -> None:
    colours = themes()[theme]

    assert all(contrast(colours["line-4"], colours[ground]) >= 3 for ground in GROUNDS[:3])


def test_nothing_but_the_tokens_names_a_colour() -> None:
    named = re.compile(r"(?<![\w&-])#(?:[0-9a-fA-F]{3,4}){1,2}\b(?![\w-])|\brgba?\(|\bhsla?\(")
    found = {
        sheet.name: named.findall(sheet.read_text())
        for sheet in SHEET.parent.glob("*.css") if sheet != SHEET
    }  # fmt: skip

    assert {name: colours for name, colours in found.items() if colours} == {}
