"""Cuts a variable font to what the dashboard shows: its characters, features and range of weights."""

from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x100)]
# Punctuation, then arrows and signs, then keys, then the spaces that hold a number and its unit together.
MARKS = "–—‘’“”…•·×✓µ≤≥≈−≠∞€↑↓←→↗↻⌘⌃⇧⌥⏎↵⇥⌫⎋\u2007\u2009\u202f\u2011"
# The styles use 400 to 620. With the lighter masters the two fonts would be 15 kB larger.
WEIGHTS = (400, 700)
KEPT_NAMES = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # copyright, names, version, licence and its address

INTER = ["calt", "case", "cv11", "kern", "liga", "ss03", "tnum", "zero"]
JETBRAINS_MONO = ["kern", "zero"]  # no calt, no liga: code shows what is written


def cut(source: Path, features: list[str]) -> bytes:
    """The font as WOFF2: upright, weights 400 to 700, with these features and no others."""
    font = TTFont(source, recalcTimestamp=False)
    axes = {axis.axisTag for axis in font["fvar"].axes}
    pinned = {"opsz": 14} if "opsz" in axes else {}  # 14: the size Inter draws for text
    font = instancer.instantiateVariableFont(font, {"wght": WEIGHTS, **pinned})
    font = TTFont(
        BytesIO(_saved(font)), recalcTimestamp=False
    )  # subsetting needs its tables rebuilt
    options = subset.Options(
        layout_features=features, name_IDs=KEPT_NAMES, notdef_outline=True, hinting=False
    )
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[*LATIN, *map(ord, MARKS)])
    subsetter.subset(font)
    font.flavor = "woff2"
    return _saved(font)


def _saved(font: TTFont) -> bytes:
    out = BytesIO()
    font.save(out)
    return out.getvalue()
