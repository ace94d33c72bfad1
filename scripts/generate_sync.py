"""Writes hairtrigger/sync.py, the blocking mirror of the SDK, from its async source.

    python scripts/generate_sync.py           write it
    python scripts/generate_sync.py --check   say whether it is up to date

What it does to the source: leaves out `async` and `await`, renames what has a blocking form, and obeys the
few comments that say what a line is in the mirror (`# sync: drop`, `# sync: <the line>`).
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "hairtrigger" / "sync.py"

# What has a form of its own in the mirror, by module, in the order of use. Everything else is imported.
MIRRORED = {
    "handles": ["RunHandle", "BatchHandle", "run_id_of"],
    "stored": ["put_apart"],
    "send_batch": ["send_batch", "_upload", "handles"],
    "task": ["Task"],
    "decorators": ["TaskDecorator", "ScheduledDecorator", "task", "task_of"],
    "page": ["Page"],
    "runs": ["Runs", "runs"],
    "tasks": ["Tasks", "tasks"],
    "batch": ["Batch", "batch"],
    "schedules": ["Schedules", "schedules"],
    "queues": ["Queues", "queues"],
    "metadata": ["Metadata", "metadata", "flush_scope"],
    "tags": ["Tags", "tags"],
    "idempotency_keys": ["IdempotencyKeys", "idempotency_keys"],
    "retry": ["Again", "retry"],
    "trigger_client": ["TriggerClient"],
}
RENAMED = {
    "Task": "SyncTask",
    "OtherTask": "Task",
    "AsyncIterator": "Iterator",
    "Items": "PlainItems",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "collected": "collected_blocking",
    "disconnect": "disconnect_blocking",
    "run_here": "run_here_blocking",
    "send": "send_blocking",
    "sleep": "sleep_blocking",
    "submit": "submit_blocking",
}
# Not the SDK's: a worker beside an application is a process, and the same for both flavours.
ELSEWHERE = ("hairtrigger.sync", "hairtrigger.worker.start")

HEADER = '''"""Hairtrigger without ``await``: the same names as ``hairtrigger``, blocking.

Generated from hairtrigger/sdk by scripts/generate_sync.py: change that, not this. A blocking call on a
running event loop raises ``BlockingCallInLoop``.
"""

from __future__ import annotations

'''
_DIRECTIVE = re.compile(r"^(\s*)(?:\S.*)?\s*# sync: (.*)$")
_ANNOUNCEMENT = re.compile(r"\n*The blocking mirror[^\n]*generated from this file\.")


class Module:
    """A source module: its text, its top-level names, and where it imports the others from."""

    def __init__(self, name: str) -> None:
        self.name = f"hairtrigger.sdk.{name}"
        self.text = (ROOT / "hairtrigger" / "sdk" / f"{name}.py").read_text()
        self.nodes: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, str] = {}  # bound name: the statement
        for node in ast.parse(self.text).body:
            for name_ in _bound(node):
                self.nodes.setdefault(name_, []).append(node)
            for statement in ast.walk(node) if isinstance(node, ast.If) else (node,):
                self.imports |= _imports(statement)

    def source(self, name: str) -> str:
        """The text of everything that is called `name`: overloads too."""
        lines = self.text.splitlines()
        parts = []
        for node in self.nodes[name]:
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(each.lineno for each in decorators)])
            parts.append("\n".join(lines[first - 1 : node.end_lineno]))
        return "\n".join(parts) + "\n"


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from (each.id for each in parts if isinstance(each, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _imports(node: ast.AST) -> dict[str, str]:
    if isinstance(node, ast.ImportFrom):
        return {
            each.asname or each.name: f"from {node.module} import {each.name}"
            + (f" as {each.asname}" if each.asname else "")
            for each in node.names
        }
    if isinstance(node, ast.Import):
        return {each.name.partition(".")[0]: f"import {each.name}" for each in node.names}
    return {}


def blocking(source: str) -> str:
    """A piece of async source in its blocking form."""
    kept = []
    for line in source.splitlines():
        told = _DIRECTIVE.match(line)
        if told is None:
            kept.append(line)
        elif told[2] != "drop":
            kept.append(told[1] + told[2])
    return _renamed("\n".join(kept) + "\n")


def _renamed(source: str) -> str:
    lines = source.splitlines(keepends=True)
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.NAME
    ]
    for token in reversed(tokens):
        (row, start), (_, end) = token.start, token.end
        line = lines[row - 1]
        if token.string in ("async", "await"):
            lines[row - 1] = line[:start] + line[end + 1 :]
        elif token.string in RENAMED:
            lines[row - 1] = line[:start] + RENAMED[token.string] + line[end:]
    return "".join(lines)


def _used(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def generate() -> str:
    """The text of the mirror."""
    bodies: list[str] = []
    imports: set[str] = set()
    variables: dict[str, str] = {}
    here = {RENAMED.get(each, each) for names in MIRRORED.values() for each in names}
    for name, wanted in MIRRORED.items():
        module = Module(name)
        for each in wanted:
            body = blocking(module.source(each))
            bodies.append(body)
            for used in _used(body) - here:
                _resolve(module, used, imports, variables)
    declared = "".join(variables[each] for each in sorted(variables))
    shown = _import_lines(imports, _reexports(here))
    return f"{HEADER}{shown}\n{declared}\n\n" + "\n\n".join(bodies)


def _import_lines(imports: set[str], public: set[str]) -> str:
    """Import statements, one for each module; public names are re-exported."""
    by_module: dict[str, set[str]] = {}
    plain = set()
    for statement in imports | public:
        words = statement.split(maxsplit=3)
        if words[0] == "import":
            plain.add(statement)
        else:
            by_module.setdefault(words[1], set()).add(words[3])
    homes: dict[str, str] = {}
    lines = sorted(plain)
    for module, names in sorted(by_module.items(), key=_import_order):
        kept = sorted(each for each in names if f"{each} as {each}" not in names)
        for each in kept:
            bound = each.split()[-1]
            if homes.setdefault(bound, module) != module:
                raise SystemExit(f"{bound} is in {homes[bound]} and in {module}: rename one.")
        listed = "".join(f"    {each},\n" for each in kept)
        lines.append(f"from {module} import (\n{listed})")
    return "\n".join(lines) + "\n"


def _resolve(module: Module, used: str, imports: set[str], variables: dict[str, str]) -> None:
    """Find what a name means in its module: an import, a type variable, or something defined there."""
    original = next((old for old, new in RENAMED.items() if new == used), used)
    if used == "Task":  # the async one, for SyncTask.aio
        imports.add("from hairtrigger.sdk.task import Task")
    elif used in module.imports:
        imports.add(module.imports[used])
    elif original in module.imports:
        imports.add(_RENAMED_IMPORT.sub(lambda told: told[1] + used, module.imports[original]))
    elif used in module.nodes:
        text = module.source(used)
        if re.match(rf"{used} = TypeVar\(", text):
            variables[used] = _renamed(text)
            for inner in _used(variables[used]) - {used}:
                _resolve(module, inner, imports, variables)
        else:
            imports.add(f"from {module.name} import {used}")


_RENAMED_IMPORT = re.compile(r"(from \S+ import )\w+$")


def _reexports(here: set[str]) -> set[str]:
    """Imports of the public names that have no form of their own here."""
    tree = ast.parse((ROOT / "hairtrigger" / "__init__.py").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    found = set()
    for node in guarded.body:
        if isinstance(node, ast.ImportFrom) and node.module != "hairtrigger":
            for each in node.names:
                if each.name not in here and node.module not in ELSEWHERE:
                    found.add(f"from {node.module} import {each.name} as {each.name}")
    return found


def _import_order(entry: tuple[str, set[str]]) -> tuple[bool, str]:
    return (entry[0].startswith("hairtrigger"), entry[0])


def main() -> int:
    """Write the mirror, or check it."""
    text = generate()
    if "--check" in sys.argv[1:]:
        same = TARGET.is_file() and TARGET.read_text() == text
        print(f"{TARGET.name} is {'up to date' if same else 'OLD: run scripts/generate_sync.py'}")
        return 0 if same else 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
