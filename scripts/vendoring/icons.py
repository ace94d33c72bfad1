"""The dashboard's icons as one sprite: each a <symbol> that <use> paints in the colour of its text."""

import tomllib
from pathlib import Path
from xml.etree import ElementTree

SHAPES = {"circle", "ellipse", "line", "path", "polygon", "polyline", "rect"}
# 24 units are painted at 16 px, so this appears as a stroke of 1.4 px.
STROKE = 'fill="none" stroke="currentColor" stroke-width="2.1" stroke-linecap="round" stroke-linejoin="round"'


def sprite(wanted: Path, lucide: Path) -> str:
    """The sprite of the icons named in the file `wanted`, from the package lucide-static in `lucide`."""
    named = tomllib.loads(wanted.read_text())
    shapes: dict[str, str] = dict(named["drawn"])
    for ours, theirs in named["lucide"].items():
        if ours in shapes:
            raise SystemExit(f"{wanted.name}: the icon {ours} is both drawn and taken")
        shapes[ours] = _shapes(lucide / "icons" / f"{theirs}.svg")
    symbols = [
        f'<symbol id="{name}" viewBox="0 0 24 24" {STROKE}>{shapes[name]}</symbol>'
        for name in sorted(shapes)
    ]
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


def _shapes(drawing: Path) -> str:
    """The shapes of one icon; anything else in it is refused, so that no script comes in unseen."""
    if not drawing.exists():
        raise SystemExit(f"lucide has no icon {drawing.stem}")
    found = []
    for child in ElementTree.parse(drawing).getroot():
        tag = child.tag.rpartition("}")[2]
        if tag not in SHAPES or len(child):
            raise SystemExit(f"lucide's {drawing.stem} is more than plain shapes: {tag}")
        attributes = "".join(f' {name}="{value}"' for name, value in child.attrib.items())
        found.append(f"<{tag}{attributes}/>")
    return "".join(found)
