import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_LOAD = """
import json, sys
from pathlib import Path
from hairtrigger.worker.loader import load
project = load(Path(sys.argv[1]))
problems = [{"file": p.file, "line": p.line, "error": p.error, "context": p.context, "trace": p.traceback}
            for p in project.problems]
modules = {id: task.definition.fn.__module__ for id, task in project.tasks.items()}
extra = None
if len(sys.argv) > 2:
    scope = {"project": project}
    exec(sys.argv[2], scope)
    extra = scope["extra"]
print(json.dumps({"tasks": sorted(project.tasks), "problems": problems, "modules": modules,
                  "hash": project.content_hash, "extra": extra,
                  "files": [manifest.file for manifest in project.manifest()]}))
"""


def _load(root: Path, check: str | None = None) -> dict[str, Any]:
    """Load a project as a worker does: in a fresh process."""
    command = [sys.executable, "-P", "-c", _LOAD, str(root), *([check] if check else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def _task(name: str) -> str:
    return f"from hairtrigger.sdk.decorators import task\n\n@task\nasync def {name}() -> None:\n    pass\n"


def _config(options: str) -> str:
    return f"from hairtrigger.sdk.config import define_config\nconfig = define_config({options})\n"


@pytest.mark.acceptance("S100")
def test_every_file_below_trigger_is_found_but_tests_and_ignored_ones(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "trigger_config.py": _config('project="p", ignore_patterns=["*/old/*"]'),
            "trigger/one.py": _task("one"),
            "trigger/deep/er/two.py": _task("two"),
            "trigger/test_three.py": _task("three"),
            "trigger/conftest.py": _task("four"),
            "trigger/old/five.py": _task("five"),
            "trigger/.hidden/six.py": _task("six"),
            "elsewhere/seven.py": _task("seven"),
        },
    )

    found = _load(tmp_path)

    assert found["tasks"] == ["one", "two"]
    assert found["problems"] == []
    assert sorted(found["files"]) == ["trigger/deep/er/two.py", "trigger/one.py"]


def test_tasks_is_searched_when_there_is_no_trigger(tmp_path: Path) -> None:
    _write(tmp_path, {"tasks/one.py": _task("one")})

    assert _load(tmp_path)["tasks"] == ["one"]


def test_the_configured_directories_are_searched(tmp_path: Path) -> None:
    config = _config('dirs=["jobs", "more"]')
    _write(
        tmp_path,
        {"trigger_config.py": config, "jobs/a.py": _task("a"), "more/b.py": _task("b"),
         "trigger/c.py": _task("c")},
    )  # fmt: skip

    assert _load(tmp_path)["tasks"] == ["a", "b"]


@pytest.mark.acceptance("S22")
def test_the_application_and_the_loader_see_one_definition(tmp_path: Path) -> None:
    _write(tmp_path, {"trigger/one.py": _task("one")})

    found = _load(
        tmp_path,
        'from trigger.one import one; extra = project.tasks["one"].definition is one.definition',
    )

    assert found["extra"] is True


def test_a_project_inside_a_package_is_imported_under_its_package_name(tmp_path: Path) -> None:
    _write(tmp_path, {"jobs/__init__.py": "", "jobs/trigger/x.py": _task("t")})

    found = _load(
        tmp_path / "jobs",
        'from jobs.trigger.x import t; extra = project.tasks["t"].definition is t.definition',
    )

    assert found["modules"] == {"t": "jobs.trigger.x"}
    assert found["extra"] is True


def test_a_package_below_src_is_imported_from_src(tmp_path: Path) -> None:
    config = _config('dirs=["src/shop/trigger"]')
    _write(
        tmp_path,
        {
            "trigger_config.py": config,
            "src/shop/__init__.py": "",
            "src/shop/trigger/x.py": _task("t"),
        },
    )

    assert _load(tmp_path)["modules"] == {"t": "shop.trigger.x"}


def test_task_files_can_import_each_other_and_the_projects_modules(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "shared.py": "NAME = 'x'\n",
            "trigger/one.py": "import shared\nfrom trigger.two import two\n" + _task("one"),
            "trigger/two.py": _task("two"),
        },
    )

    found = _load(tmp_path)

    assert (found["tasks"], found["problems"]) == (["one", "two"], [])


def test_a_broken_file_is_told_with_its_line_and_takes_no_other_down(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "trigger/good.py": _task("good"),
            "trigger/broken.py": "a = 1\nb = 2\nc = respons\nd = 4\n",
            "trigger/syntax.py": "def f(:\n    pass\n",
            "trigger/exits.py": "import sys\nsys.exit(3)\n",
        },
    )

    found = _load(tmp_path)

    assert found["tasks"] == ["good"]
    broken, exits, syntax = sorted(found["problems"], key=lambda p: p["file"])
    assert (broken["file"], broken["line"]) == ("trigger/broken.py", 3)
    assert broken["error"].startswith("NameError: name 'respons' is not defined")
    assert "› 3 │ c = respons" in broken["context"]
    assert "importlib" not in broken["trace"]
    assert (syntax["file"], syntax["line"]) == ("trigger/syntax.py", 1)
    assert exits["error"] == "SystemExit: 3"


def test_an_error_in_a_module_that_tasks_import_is_told_where_it_is(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {"trigger/one.py": "import shared\n" + _task("one"), "shared.py": "x = 1\n1 / 0\n"},
    )

    problem = _load(tmp_path)["problems"][0]

    assert (problem["file"], problem["line"]) == ("shared.py", 2)


def test_two_tasks_with_one_id_are_a_problem_that_names_both_places(tmp_path: Path) -> None:
    _write(tmp_path, {"trigger/one.py": _task("same"), "trigger/two.py": _task("same")})

    problem = _load(tmp_path)["problems"][0]

    assert "trigger/one.py:" in problem["error"]
    assert "trigger/two.py:" in problem["error"]


def test_a_broken_configuration_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    _write(tmp_path, {"trigger_config.py": "config = 1 / 0\n", "trigger/one.py": _task("one")})

    found = _load(tmp_path)

    assert found["tasks"] == []
    assert "ZeroDivisionError" in found["problems"][0]["error"]


def test_no_task_files_is_a_problem_that_says_where_was_looked(tmp_path: Path) -> None:
    found = _load(tmp_path)

    assert "trigger/" in found["problems"][0]["error"]


def test_the_content_hash_changes_with_the_code_that_tasks_use_and_only_then(
    tmp_path: Path,
) -> None:
    _write(
        tmp_path,
        {
            "trigger/one.py": "import shared\n" + _task("one"),
            "shared.py": "x = 1\n",
            "other.py": "y = 1\n",
        },
    )
    before = _load(tmp_path)["hash"]

    _write(tmp_path, {"other.py": "y = 2\n"})
    unrelated = _load(tmp_path)["hash"]
    _write(tmp_path, {"shared.py": "x = 22\n"})
    related = _load(tmp_path)["hash"]

    assert unrelated == before
    assert related != before


def test_a_module_name_that_is_taken_is_a_problem_that_says_by_whom(tmp_path: Path) -> None:
    config = (
        'from hairtrigger.sdk.config import define_config\nconfig = define_config(dirs=["."])\n'
    )
    _write(tmp_path, {"trigger_config.py": config, "json.py": _task("one")})

    problems = _load(tmp_path)["problems"]

    assert any("'json' is taken by" in problem["error"] for problem in problems)
