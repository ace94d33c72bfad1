"""What we say of the vendored files: VERSIONS.toml for the test of them, LICENSES.txt for their authors."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

# Where a package's own word is not an SPDX expression, or not all of it: a part of lucide comes from Feather.
SPDX = {"htmx.org": "0BSD", "lucide-static": "ISC AND MIT"}
RULE = "=" * 80


@dataclass(frozen=True, slots=True)
class Source:
    """One package that a vendored file is made of."""

    name: str
    version: str
    license: str
    text: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.license})"


@dataclass(frozen=True, slots=True)
class Vendored:
    """One file of the dashboard that is not ours: its path under static/, its bytes, what it is made of."""

    path: str
    content: bytes
    home: str
    sources: list[Source]


def npm(package: Path, name: str) -> Source:
    """The package that npm installed in the folder `package`, with its licence."""
    about = json.loads((package / "package.json").read_text())
    texts = sorted(package.glob("LICENSE*"))
    if len(texts) != 1:
        raise SystemExit(f"{name} has {len(texts)} licence files; expected one")
    return Source(name, about["version"], SPDX.get(name, about["license"]), _plain(texts[0]))


def _plain(text: Path) -> str:
    return text.read_text().replace("\r\n", "\n").strip()


def versions(files: list[Vendored]) -> str:
    """VERSIONS.toml: what each file is made of, and the SHA-256 by which a test knows it again."""
    lines = [
        "# Written by scripts/vendor. The names are those of LICENSES.txt; a test checks the hashes."
    ]
    for file in files:
        digest = hashlib.sha256(file.content).hexdigest()
        lines += ["", "[[file]]", f'path = "{file.path}"', f'home = "{file.home}"', "sources = ["]
        lines += [f'  "{source}",' for source in file.sources]
        lines += ["]", f'sha256 = "{digest}"']
    return "\n".join([*lines, ""])


def licenses(files: list[Vendored]) -> str:
    """LICENSES.txt: each licence in full, once, under the names of those who give it."""
    givers: dict[str, list[str]] = {}
    for source in [source for file in files for source in file.sources]:
        names = givers.setdefault(source.text, [])
        if str(source) not in names:
            names.append(str(source))
    parts = [
        "The licences of what this dashboard holds of others' work. Written by scripts/vendor."
    ]
    for text, names in givers.items():
        parts.append("\n".join([RULE, *names, RULE]))
        parts.append(text)
    return "\n\n".join(parts) + "\n"
