"""``version``, and what ``--version`` prints."""

import platform
from importlib.metadata import version

from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.output import Output
from hairtrigger.cli.state import State, pass_state


def print_version(*, as_json: bool) -> None:
    """Print our version, and Python's in JSON."""
    out = Output()
    if as_json:
        out.json({"version": version("hairtrigger"), "python": platform.python_version()})
    else:
        out.data(f"hairtrigger {version('hairtrigger')}")


@make_command("version")
@pass_state
def command(state: State) -> None:
    """Print the version."""
    print_version(as_json=state.out.is_json)
