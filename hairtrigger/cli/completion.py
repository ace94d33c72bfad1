"""``completion``: a script for the shell, made from the tree of commands.

The script is static: completing a command or an option starts no Python. Ids of tasks and runs, and names
of queues, come from the files that ``memory`` keeps in the project.
"""

import click

from hairtrigger.cli.commands import Group
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.state import State, pass_state

SHELLS = ("bash", "zsh", "fish")
_SEEN = {
    "task": "tasks",
    "tasks": "tasks",
    "run": "runs",
    "runs": "runs",
    "queue": "queues",
    "queues": "queues",
}  # argument: file of memory


@make_command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
@pass_state
def command(state: State, ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options and ids in SHELL.

    \b
    bash:  hairtrigger completion bash > ~/.local/share/bash-completion/completions/hairtrigger
    zsh:   hairtrigger completion zsh > "${fpath[1]}/_hairtrigger"
    fish:  hairtrigger completion fish > ~/.config/fish/completions/hairtrigger.fish
    """
    root = ctx.find_root().command
    assert isinstance(root, Group)
    tree = _tree(root, ctx, ())
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](tree)
    state.out.data(script.rstrip("\n"))


Node = tuple[tuple[str, ...], list[tuple[str, str]], list[tuple[str, str]], str]
# path of a command, its subcommands and its options (each with help), and which ids its argument takes


def _tree(one: click.Command, ctx: click.Context, path: tuple[str, ...]) -> list[Node]:
    names = []
    for param in one.params:
        if isinstance(param, click.Option):
            long = [name for name in param.opts if name.startswith("--")]
            names += [(name, _short(param.help or "")) for name in long]
    seen = next(
        (_SEEN[p.name] for p in one.params if isinstance(p, click.Argument) and p.name in _SEEN), ""
    )
    subs: list[tuple[str, str]] = []
    nodes: list[Node] = [(path, subs, names, seen)]
    if isinstance(one, Group):
        for name in one.list_commands(ctx):
            child = one.get_command(ctx, name)
            if child is not None:
                subs.append((name, _short(child.get_short_help_str(70))))
                nodes += _tree(child, ctx, (*path, name))
    return nodes


def _short(text: str) -> str:
    """Help without the signs that a shell reads."""
    return "".join(c for c in text.split("\n")[0] if c not in "'\"`$\\[]:;()").strip()


def _bash(tree: list[Node]) -> str:
    cases = []
    for path, subs, options, seen in tree:
        offered = " ".join(name for name, _ in [*subs, *options])
        ids = f' ids="$(cat .hairtrigger/completion/{seen} 2>/dev/null)"' if seen else ""
        cases.append(f'    "{" ".join(path)}") words="{offered}"{ids} ;;')
    known = "|".join(f'"{" ".join(path)}"' for path, *_ in tree if path)
    return f"""# bash completion of hairtrigger
_hairtrigger() {{
  local path="" word words="" ids="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    case "${{path:+$path }}$word" in
      {known}) path="${{path:+$path }}$word" ;;
    esac
  done
  case "$path" in
{chr(10).join(cases)}
  esac
  COMPREPLY=($(compgen -W "$words $ids" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _hairtrigger hairtrigger ht
"""


def _zsh(tree: list[Node]) -> str:
    cases = []
    for path, subs, options, seen in tree:
        offered = " ".join(f"'{name}:{text}'" for name, text in [*subs, *options])
        ids = f' ids=(${{(f)"$(cat .hairtrigger/completion/{seen} 2>/dev/null)"}})' if seen else ""
        cases.append(f'    "{" ".join(path)}") offered=({offered}){ids} ;;')
    known = "|".join(f'"{" ".join(path)}"' for path, *_ in tree if path)
    return f"""#compdef hairtrigger ht
_hairtrigger() {{
  local path_ word
  local -a offered ids
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "${{path_:+$path_ }}$word" in
      {known}) path_="${{path_:+$path_ }}$word" ;;
    esac
  done
  case "$path_" in
{chr(10).join(cases)}
  esac
  _describe -t commands hairtrigger offered
  (( $#ids )) && compadd -a ids
  _files
}}
compdef _hairtrigger hairtrigger ht
"""


def _fish(tree: list[Node]) -> str:
    lines = ["# fish completion of hairtrigger", "for ht in hairtrigger ht"]
    for path, subs, options, seen in tree:
        here = " and ".join(f"__fish_seen_subcommand_from {name}" for name in path)
        below = " ".join(name for name, _ in subs)
        at_end = f"not __fish_seen_subcommand_from {below}" if below else ""
        where = " and ".join(part for part in (here, at_end) if part)
        # without and, fish joins commands by ;
        where = where.replace(" and ", "; and ")
        rule = f"  complete -c $ht -n '{where}'" if where else "  complete -c $ht"
        lines += [f"{rule} -f -a {name} -d '{text}'" for name, text in subs]
        lines += [f"{rule} -l {name.removeprefix('--')} -d '{text}'" for name, text in options]
        if seen:
            lines.append(f"{rule} -f -a '(cat .hairtrigger/completion/{seen} 2>/dev/null)'")
    lines.append("end")
    return "\n".join(lines)
