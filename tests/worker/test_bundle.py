"""A project as an archive: what enters it, what it never contains, and what is never unpacked from one."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hairtrigger.errors import ProjectError
from hairtrigger.worker import bundle


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "trigger" / "deep").mkdir(parents=True)
    (root / "trigger" / "a.py").write_text("A = 1\n")
    (root / "trigger" / "deep" / "ü.py").write_text("B = 2\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    return root


def test_what_is_packed_is_unpacked_as_it_was(project: Path, tmp_path: Path) -> None:
    packed = bundle.pack(project)

    bundle.unpack(packed.body, tmp_path / "there")

    assert packed.files == ["run.sh", "trigger/a.py", "trigger/deep/ü.py"]
    for name in packed.files:
        there, here = tmp_path / "there" / name, project / name
        assert there.read_bytes() == here.read_bytes()
        assert there.stat().st_mode & 0o111 == here.stat().st_mode & 0o111
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project", "there"]


def test_same_code_gives_the_same_bytes_whenever_it_was_written(
    project: Path, tmp_path: Path
) -> None:
    packed = bundle.pack(project)
    bundle.unpack(packed.body, tmp_path / "copy")

    assert bundle.pack(tmp_path / "copy").body == packed.body
    (project / "trigger" / "a.py").write_text("A = 3\n")
    assert bundle.pack(project).hash != packed.hash


def test_ignored_hidden_and_secret_files_stay_where_they_are(project: Path) -> None:
    (project / ".gitignore").write_text("data/\n*.log\n!keep.log\n")
    (project / ".hairtriggerignore").write_text("notes.md\n")
    for name in (
        "data/big.csv", "x.log", "keep.log", "notes.md", ".env", ".env.production", "server.key", "id_rsa",
        ".git/config", ".venv/bin/python", "node_modules/m/i.js", "trigger/__pycache__/a.cpython-311.pyc",
        "jobs.db", "jobs.db-wal",
    ):  # fmt: skip
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")

    packed = bundle.pack(project)

    assert packed.files == [
        ".gitignore", ".hairtriggerignore", "keep.log", "run.sh", "trigger/a.py", "trigger/deep/ü.py",
    ]  # fmt: skip


def test_a_link_inside_is_packed_as_a_file_and_one_that_leads_out_is_refused(
    project: Path, tmp_path: Path
) -> None:
    (project / "b.py").symlink_to("trigger/a.py")

    bundle.unpack(bundle.pack(project).body, tmp_path / "there")

    assert not (tmp_path / "there" / "b.py").is_symlink()
    assert (tmp_path / "there" / "b.py").read_text() == "A = 1\n"
    (tmp_path / "secret").write_text("x")
    (project / "c.py").symlink_to("../secret")
    with pytest.raises(ProjectError, match=r"c\.py is a link to .*secret, outside of the project"):
        bundle.pack(project)


def test_a_project_that_is_too_large_is_refused_by_name(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_FILES", 2)
    with pytest.raises(ProjectError, match=r"has 3 files, an archive takes 2.*\.hairtriggerignore"):
        bundle.pack(project)
    monkeypatch.setattr(bundle, "MAX_FILES", 10)
    monkeypatch.setattr(bundle, "MAX_BYTES", 15)
    with pytest.raises(ProjectError, match=r"is larger than 0 MiB with trigger/a\.py"):
        bundle.pack(project)


Make = Callable[[tarfile.TarFile], None]


def file(tar: tarfile.TarFile, name: str, body: bytes = b"x", **more: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(body)
    for key, value in more.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(body))


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Make:
    return lambda tar: file(tar, name, b"", type=kind, linkname=target)


def written_through(tar: tarfile.TarFile) -> None:
    link("out", "../../outside")(tar)
    file(tar, "out/x")


def twins(tar: tarfile.TarFile) -> None:
    file(tar, "a.py")
    file(tar, "A.PY")


def bomb(tar: tarfile.TarFile) -> None:
    file(tar, "zeros", bytes(200 * 1024 * 1024))


def many(tar: tarfile.TarFile) -> None:
    for n in range(bundle.MAX_FILES + 1):
        file(tar, f"f{n}", b"")


def long_header(tar: tarfile.TarFile) -> None:
    member = tarfile.TarInfo("a")
    member.pax_headers = {"comment": "x" * 64 * 1024 * 1024}
    tar.addfile(member)


@pytest.mark.parametrize(
    "make",
    [
        lambda tar: file(tar, "../outside"),
        lambda tar: file(tar, "a/../../outside"),
        lambda tar: file(tar, "/outside"),
        lambda tar: file(tar, "a\\..\\outside"),
        lambda tar: file(tar, "./a"),
        lambda tar: file(tar, ""),
        link("out", "/etc/passwd"),
        link("out", "a", tarfile.LNKTYPE),
        written_through,
        lambda tar: file(tar, "dev", b"", type=tarfile.CHRTYPE),
        lambda tar: file(tar, "pipe", b"", type=tarfile.FIFOTYPE),
        twins,
        bomb,
        many,
        long_header,
    ],
    ids=[
        "dots", "dots inside", "absolute", "backslashes", "unusual", "nameless", "link", "hard link", "through a link",
        "device", "pipe", "case twins", "bomb", "too many", "long header",
    ],
)  # fmt: skip
def test_what_would_leave_its_directory_or_grow_beyond_bounds_is_not_unpacked(
    make: Make, tmp_path: Path
) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        make(tar)
    there = tmp_path / "here" / "there"

    with pytest.raises(ProjectError):
        bundle.unpack(gzip.compress(raw.getvalue()), there)

    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


@pytest.mark.parametrize("cut", [0, 1, 20, -1], ids=["nothing", "a byte", "a head", "no tail"])
def test_a_broken_archive_is_refused_whole(project: Path, tmp_path: Path, cut: int) -> None:
    body = bundle.pack(project).body

    with pytest.raises(ProjectError):
        bundle.unpack(body[:cut], tmp_path / "there")

    assert not (tmp_path / "there").exists()
