"""Makes the dashboard's vendored files of the packages that scripts/vendor has fetched.

python scripts/vendoring WORK STATIC: WORK holds node_modules and the entry file, STATIC is the folder
to write to. Everything is made before the first file of STATIC is touched.
"""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import fonts
import icons
import records

HERE = Path(__file__).parent
ESBUILD = [
    "--minify",
    "--format=esm",
    "--target=es2022",
    "--legal-comments=none",
    "--log-level=error",
]


def main(work: Path, static: Path) -> None:
    """Makes all files, then puts them in place of what was there."""
    vendored = [*_scripts(work), *_fonts(work / "node_modules"), _icons(work / "node_modules")]
    for folder in ("vendor", "fonts"):
        shutil.rmtree(static / folder, ignore_errors=True)
        (static / folder).mkdir(parents=True)
    for file in vendored:
        (static / file.path).write_bytes(file.content)
        print(f"{len(file.content):>9,} bytes  {file.path}")
    (static / "vendor/VERSIONS.toml").write_text(records.versions(vendored))
    (static / "vendor/LICENSES.txt").write_text(records.licenses(vendored))


def _scripts(work: Path) -> list[records.Vendored]:
    modules = work / "node_modules"
    htmx, uplot = (
        records.npm(modules / "htmx.org", "htmx.org"),
        records.npm(modules / "uplot", "uplot"),
    )
    editor, parts = _bundled(work, "codemirror-json.js")
    chart, _ = _bundled(work, "node_modules/uplot/dist/uPlot.esm.js")
    chart_style = (modules / "uplot/dist/uPlot.min.css").read_bytes()
    # As its authors published it, so that its hash is theirs too. Classic script: it sets window.htmx.
    page = (modules / "htmx.org/dist/htmx.min.js").read_bytes()
    home = "https://github.com/leeoniya/uPlot"
    return [
        records.Vendored("vendor/codemirror-json.js", editor, "https://codemirror.net", parts),
        records.Vendored("vendor/htmx.js", page, "https://htmx.org", [htmx]),
        records.Vendored("vendor/uplot.css", chart_style, home, [uplot]),
        records.Vendored("vendor/uplot.js", chart, home, [uplot]),
    ]


def _bundled(work: Path, entry: str) -> tuple[bytes, list[records.Source]]:
    """One minified ES module of the entry file and all it imports, and the packages that went into it."""
    esbuild = work / "node_modules/.bin/esbuild"
    said = work / "meta.json"
    subprocess.run(
        [esbuild, entry, "--bundle", *ESBUILD, "--outfile=out.js", f"--metafile={said}"],
        cwd=work,
        check=True,
    )
    [made] = json.loads(said.read_text())["outputs"].values()
    used = sorted(
        {_package(path) for path, share in made["inputs"].items() if share["bytesInOutput"]} - {""}
    )
    sources = [records.npm(work / "node_modules" / name, name) for name in used]
    about = ", ".join(f"{source.name} {source.version}" for source in sources)
    banner = f"/* {about}. Licences: LICENSES.txt */\n"
    return banner.encode() + (work / "out.js").read_bytes(), sources


def _package(path: str) -> str:
    """The npm package that a file under node_modules belongs to; none for our own entry file."""
    _, _, inside = path.rpartition("node_modules/")
    if inside == path:
        return ""
    parts = inside.split("/")
    return "/".join(parts[:2]) if inside.startswith("@") else parts[0]


def _fonts(modules: Path) -> list[records.Vendored]:
    inter = records.npm(modules / "inter-ui", "inter-ui")
    text = fonts.cut(modules / "inter-ui/variable/InterVariable.woff2", fonts.INTER)
    package = Path(str(files("fontpkg_jetbrains_mono")))
    name = "fontpkg-jetbrains-mono"
    mono = records.Source(name, version(name), "OFL-1.1", (package / "LICENSE").read_text().strip())
    code = fonts.cut(package / "files/JetBrainsMono[wght].ttf", fonts.JETBRAINS_MONO)
    return [
        records.Vendored("fonts/inter.woff2", text, "https://rsms.me/inter", [inter]),
        records.Vendored(
            "fonts/jetbrains-mono.woff2", code, "https://www.jetbrains.com/lp/mono", [mono]
        ),
    ]


def _icons(modules: Path) -> records.Vendored:
    sprite = icons.sprite(HERE / "icons.toml", modules / "lucide-static")
    lucide = records.npm(modules / "lucide-static", "lucide-static")
    return records.Vendored("icons.svg", sprite.encode(), "https://lucide.dev", [lucide])


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
