"""What our commands have over click's: global options in any place, lazy modules, closest matches.

Used by ``main`` for the root and by every command's module. Imports nothing but click.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource

F = TypeVar("F", bound=Callable[..., Any])
META = "hairtrigger.given"
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Remember a global option wherever it stood: ``meta`` is shared by all contexts of a call."""
    if (
        param.name is not None
        and ctx.get_parameter_source(param.name) is not ParameterSource.DEFAULT
    ):
        ctx.meta.setdefault(META, {})[param.name] = value


def _global_options(*, hidden: bool) -> list[click.Parameter]:
    def option(*names: str, **attributes: Any) -> click.Parameter:
        return click.Option(names, callback=_keep, expose_value=False, hidden=hidden, **attributes)

    return [
        option("--api-url", metavar="URL", help="The server; else TRIGGER_API_URL."),
        option("--api-key", metavar="KEY", help="The secret key; else TRIGGER_SECRET_KEY."),
        option("--profile", metavar="NAME", help="Who `login` made you, rather than a key."),
        option("--project", metavar="REF", help="Refuse to act on any other project."),
        option("--env", metavar="NAME", help="Refuse to act on any other environment."),
        option(
            "--branch",
            metavar="NAME",
            help="A branch of preview or dev; else TRIGGER_PREVIEW_BRANCH.",
        ),
        option("--config", metavar="FILE", help="The project's configuration file."),
        option("--env-file", metavar="FILE", help="Read this file instead of .env."),
        option("--json", is_flag=True, help="Answer in JSON on stdout."),
        option("--no-color", is_flag=True, help="Plain text."),
        option("--quiet", "-q", is_flag=True, help="Say nothing but results and errors."),
        option("--verbose", "-v", count=True, help="Say more; -vv also HTTP."),
        option("--debug", is_flag=True, help="Show tracebacks of our own."),
        option("--yes", "-y", is_flag=True, help="Answer every question with yes."),
        option("--timeout", metavar="TIME", help="How long to wait, such as 30s."),
    ]


class Command(click.Command):
    """A command that takes the global options too."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        attributes.setdefault("context_settings", dict(_CONTEXT))
        attributes.setdefault("epilog", "Options of every command: hairtrigger --help")
        super().__init__(*args, **attributes)
        self.params += _global_options(hidden=True)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _with_guess(error, self) from None


class Group(click.Group):
    """A group whose commands are imported when they are chosen.

    ``table`` maps a command's name to its module and its line of help. In its module it is
    ``command``, or what follows a colon.
    """

    command_class = Command

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, tuple[str, str]] | None = None,
        aliases: Mapping[str, str] | None = None,
        is_root: bool = False,
        **attributes: Any,
    ) -> None:
        attributes.setdefault("context_settings", dict(_CONTEXT))
        if not is_root:
            attributes.setdefault("epilog", "Options of every command: hairtrigger --help")
        super().__init__(*args, **attributes)
        self.table, self.aliases = dict(table or {}), dict(aliases or {})
        self.params += _global_options(hidden=not is_root)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.table, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.aliases.get(cmd_name, cmd_name)
        if name in self.table:
            module, _, attribute = self.table[name][0].partition(":")
            found = getattr(importlib.import_module(module), attribute or "command")
            assert isinstance(found, click.Command)
            return found
        return self.commands.get(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            where = f"{ctx.command_path} " if ctx.parent is not None else ""
            guess = [
                f"`{where.partition(' ')[2]}{one}`"
                for one in closest(name, self.list_commands(ctx))
            ]
            hint = f" Did you mean {' or '.join(guess)}?" if guess else ""
            raise click.UsageError(f"No such command: {name}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _with_guess(error, self) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table: ``--help`` imports none of them."""
        rows = [(name, line) for name, (_, line) in self.table.items()]
        rows += [(name, one.get_short_help_str(80)) for name, one in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def closest(name: str, known: Sequence[str]) -> list[str]:
    """At most two names that somebody may have meant, best first."""
    from difflib import get_close_matches  # only a mistake pays for this import

    return get_close_matches(name, known, n=2, cutoff=0.6)


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function; its docstring is the help, what it returns the exit code (None: 0)."""
    return click.command(name, cls=Command, **attributes)


def _with_guess(error: click.NoSuchOption, one: click.Command) -> click.NoSuchOption:
    guess = closest(error.option_name, _option_names(one)) or None
    return click.NoSuchOption(error.option_name, possibilities=guess, ctx=error.ctx)


def _option_names(one: click.Command) -> list[str]:
    return [name for param in one.params for name in param.opts if name.startswith("--")]
