"""A project's configuration: found, read, refused."""

import os
from pathlib import Path

import pytest

from hairtrigger import ConfigError, define_config
from hairtrigger.sdk import settings
from hairtrigger.sdk.config import Config, find_config, load_config
from hairtrigger.wire.worker import RetryPolicy

WHOLE = """
from hairtrigger import define_config

config = define_config(
    project="proj_1", runtime="python", dirs=["jobs"], log_level="debug",
    retries={"enabled_in_dev": True, "default": {
        "max_attempts": 4, "min_timeout_in_ms": 500, "max_timeout_in_ms": 10000, "factor": 3,
    }},
    max_duration=300, ttl="10m", machine="small-1x", ignore_patterns=["*_test.py"],
)
"""


def written(directory: Path, text: str, name: str = "trigger_config.py") -> Path:
    (directory / name).write_text(text)
    return directory / name


@pytest.mark.acceptance("S50", "S51", "S52", "S54")
def test_a_file_is_read_whole(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, WHOLE))

    assert (config.project, config.runtime, config.log_level) == ("proj_1", "python", "debug")
    assert config.retry == RetryPolicy(4, 3, 500, 10_000)
    assert (config.max_duration, config.ttl, config.machine) == (300, "10m", "small-1x")
    assert (config.dirs, config.ignore_patterns) == (("jobs",), ("*_test.py",))
    assert config.root == tmp_path


def test_without_a_file_there_are_defaults() -> None:
    config = load_config(None)

    assert (config.project, config.runtime, config.log_level) == ("", "python", "info")
    assert config.retry == RetryPolicy(3, 2, 1_000, 60_000, True)
    assert config.enabled_in_dev
    assert config.dirs == ()


@pytest.mark.acceptance("S51", "S54")
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("project='p', retires={}", r"'retires'.*Did you mean 'retries'.*Accepted: project, "),
        ("project='p', runtime='node'", r"unknown runtime 'node'\. Known: python"),
        ("project='p', log_level='loud'", r"unknown level 'loud'\. Known: none, error"),
        ("project=7", "project cannot be 7"),
        ("project='p', dirs='jobs'", "dirs is a list"),
        ("project='p', machine='huge'", "unknown machine 'huge'"),
        ("project='p', retries={'enabled': True}", "retries: unknown field 'enabled'"),
        ("project='p', retries={'default': {'max_attempt': 1}}", "Did you mean 'max_attempts'"),
        ("project='p', max_duration='long'", "max_duration cannot be 'long'"),
    ],
)
def test_a_mistake_names_file_and_field(tmp_path: Path, call: str, said: str) -> None:
    text = f"from hairtrigger import define_config\nconfig = define_config({call})\n"
    path = written(tmp_path, text)

    with pytest.raises(ConfigError, match=said) as caught:
        load_config(path)

    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "defines no config"), ("import nowhere", "nowhere"), ("config = (", "SyntaxError")],
)
def test_a_file_that_cannot_be_run_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ConfigError, match=said) as caught:
        load_config(path)

    assert str(path) in str(caught.value)


def test_a_configuration_may_import_what_is_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "REF = 'proj_beside'", "names_beside_the_config.py")
    path = written(
        tmp_path,
        "from hairtrigger import define_config\nfrom names_beside_the_config import REF\n"
        "config = define_config(project=REF)\n",
    )

    assert load_config(path).project == "proj_beside"


def test_pyproject_may_hold_it_instead(tmp_path: Path) -> None:
    text = (
        '[tool.hairtrigger]\nproject = "p"\n[tool.hairtrigger.retries.default]\nmax_attempts = 5\n'
    )
    path = written(tmp_path, text, "pyproject.toml")

    assert find_config(tmp_path) == path
    assert load_config(path).retry.max_attempts == 5


def test_the_nearest_file_is_found_upwards_as_far_as_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "jobs" / "deep"
    inner.mkdir(parents=True)
    outside = written(tmp_path, WHOLE)

    assert find_config(inner) == outside
    (tmp_path / "repository" / ".git").mkdir()
    assert find_config(inner) is None
    nearest = written(inner.parent, WHOLE)
    assert find_config(inner) == nearest


@pytest.mark.acceptance("S52")
def test_the_environment_overrides_the_log_level(
    bare_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = define_config(project="p", log_level="warn")
    assert config.level() == "warn"

    monkeypatch.setenv("TRIGGER_LOG_LEVEL", "debug")
    assert config.level() == "debug"

    monkeypatch.setenv("TRIGGER_LOG_LEVEL", "loud")
    with pytest.raises(ConfigError, match="TRIGGER_LOG_LEVEL"):
        config.level()


@pytest.mark.acceptance("S09")
def test_env_files_go_before_each_other_and_never_before_the_process(
    bare_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"HT_TEST_{letter}" for letter in "ABCDE"]
    for name in names:
        monkeypatch.setenv(name, "")  # so that the test's own environment is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("HT_TEST_A", "process")
    monkeypatch.setenv("TRIGGER_SECRET_KEY", "tr_dev_x")
    for file, count in (
        (".env.local", 2),
        (".env.development", 3),
        (".env.production", 5),
        (".env", 4),
    ):
        Path(file).write_text("".join(f"{name}={file}\n" for name in names[:count]))

    read = settings.load_env_files(".")

    assert [path.name for path in read] == [".env.local", ".env.development", ".env"]
    assert [os.environ.get(name) for name in names] == [
        "process", ".env.local", ".env.development", ".env", None,
    ]  # fmt: skip


@pytest.mark.acceptance("S09")
def test_a_production_key_chooses_the_production_file(
    bare_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIGGER_API_KEY", "")
    monkeypatch.delenv("TRIGGER_API_KEY")
    for file in (".env.development", ".env.production"):
        Path(file).write_text("")
    Path(".env").write_text("TRIGGER_API_KEY=tr_prod_x\n")

    assert [path.name for path in settings.load_env_files(".")] == [".env.production", ".env"]
    assert not settings.is_development()


def test_a_config_says_where_it_is_from() -> None:
    assert "proj_1" in repr(Config({"project": "proj_1"}))
