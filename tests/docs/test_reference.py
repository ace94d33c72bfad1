"""What docs/reference does not mention does not exist for its readers."""

import dataclasses
from pathlib import Path

import click
import pytest

import hairtrigger
from hairtrigger.cli.main import TABLE, root
from hairtrigger.sdk.config import ConfigOptions
from hairtrigger.sdk.options import (
    Cron,
    Debounce,
    Retry,
    ScheduledTaskOptions,
    TriggerOptions,
)
from hairtrigger.server.api.table import ROUTES
from hairtrigger.server.settings import Settings, variable
from hairtrigger.telemetry import events
from hairtrigger.wire import statuses
from tests.docs.blocks import ROOT

REFERENCE = ROOT / "docs" / "reference"


def missing(page: str, names: list[str]) -> list[str]:
    """The names that a page does not have in code type."""
    text = (REFERENCE / page).read_text()
    return [name for name in names if f"`{name}" not in text]


def test_every_public_name_is_documented() -> None:
    assert missing("sdk.md", dir(hairtrigger)) == []


@pytest.mark.parametrize("options", [ScheduledTaskOptions, TriggerOptions, Retry, Debounce, Cron])
def test_every_option_is_documented(options: type) -> None:
    assert missing("sdk.md", list(options.__annotations__)) == []


def test_every_field_of_the_configuration_is_documented() -> None:
    assert missing("configuration.md", list(ConfigOptions.__annotations__)) == []


def test_every_setting_is_documented_with_its_default() -> None:
    text = (REFERENCE / "settings.md").read_text()

    for field in dataclasses.fields(Settings):
        line = next((row for row in text.splitlines() if f"`{variable(field.name)}`" in row), None)
        assert line is not None, f"{variable(field.name)} is missing"
        shown = f"`{field.default}`" if field.default != "" else "empty"
        assert shown in line, f"{variable(field.name)}: its default is {shown}"


def commands_below(command: click.Command, name: str) -> list[str]:
    if not isinstance(command, click.Group):
        return [name]
    context = click.Context(command)
    found = []
    for one in command.list_commands(context):
        below = command.get_command(context, one)
        assert below is not None
        found += commands_below(below, f"{name} {one}")
    return found


@pytest.mark.parametrize("name", TABLE)
def test_every_command_and_option_is_documented(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None

    assert missing("cli.md", commands_below(command, f"hairtrigger {name}")) == []
    if not isinstance(command, click.Group):
        shown = [param for param in command.params if not getattr(param, "hidden", False)]
        options = [opt for param in shown for opt in param.opts if opt.startswith("--")]
        assert missing("cli.md", options) == []


def test_every_global_option_is_documented() -> None:
    options = [opt for param in root.params for opt in param.opts if opt.startswith("--")]

    assert missing("cli.md", options) == []


def test_every_route_is_documented() -> None:
    routes = [f"{route.method} {route.path.replace(':path', '')}" for route in ROUTES]

    assert missing("http.md", routes) == []


def test_every_event_is_documented() -> None:
    assert missing("events.md", sorted(events.NAMES)) == []


def test_every_status_is_documented() -> None:
    assert missing("statuses.md", list(statuses.PUBLIC)) == []


def test_every_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    text = Path(ROOT / "docs" / "design" / "dependencies.md").read_text()

    names = [one.split(">")[0].split(";")[0].strip() for one in wanted]
    assert [name for name in names if f"| {name} |" not in text] == []
