"""The container file of a project's worker, for those who deploy images."""

import sys
from importlib.metadata import version
from pathlib import Path

_FILE = """\
# A worker of this project. Build it, start it beside the workers of the version before, then promote:
#   docker build -t my-worker . && docker run -e TRIGGER_SECRET_KEY -e TRIGGER_API_URL my-worker
#   hairtrigger promote VERSION
FROM python:{python}-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN useradd --system --create-home worker
{install}
COPY . .
USER worker
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s CMD \\
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthcheck')"]
CMD ["hairtrigger", "worker", "--no-promote", "--health-port", "8080"]
"""
_INSTALL = {
    "uv.lock": """\
RUN pip install --no-cache-dir uv
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project
ENV PATH=/app/.venv/bin:$PATH""",
    "requirements.txt": """\
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt "hairtrigger=={ours}\"""",
    "pyproject.toml": """\
RUN pip install --no-cache-dir uv
COPY pyproject.toml ./
RUN uv pip install --system -r pyproject.toml "hairtrigger=={ours}\"""",
    "": """\
RUN pip install --no-cache-dir "hairtrigger=={ours}\"""",
}


def container_file(root: Path) -> str:
    """The file for the project in a directory: what it needs is installed from its lock, else its requirements."""
    found = next((name for name in _INSTALL if name and (root / name).is_file()), "")
    return _FILE.format(
        python=_python(root), install=_INSTALL[found].format(ours=version("hairtrigger"))
    )


def _python(root: Path) -> str:
    """The version of Python that the project names, else this one."""
    file = root / ".python-version"
    named = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    parts = named.split(".")
    if len(parts) >= 2 and all(part.isdigit() for part in parts[:2]):
        return ".".join(parts[:2])
    return f"{sys.version_info.major}.{sys.version_info.minor}"
