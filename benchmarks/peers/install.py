"""Each peer's own virtual environment, made by the benchmark when it is first needed.

Pinned, so that a ratio may be compared with an older one. `benchmarks/.peers/` holds them; delete
it to start afresh. A peer never shares an environment with us: what it imports is its own.
"""

import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parents[1] / ".peers"


def python_of(package: str, version: str, *also: str) -> Path:
    """The interpreter of the environment that holds exactly this release, installed if missing.

    Args:
        also: What else it needs, as requirements: a driver of its database.
    Raises:
        subprocess.CalledProcessError: when pip fails, for example without a network.
    """
    home = HOME / f"{package}-{version}"
    wanted = " ".join([f"{package}=={version}", *also])
    python, done = home / "bin" / "python", home / "installed"
    if not done.exists() or done.read_text() != wanted:
        print(f"Installing {wanted} into {home} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted.split()], check=True)
        done.write_text(wanted)
    return python
