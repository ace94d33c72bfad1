"""Runs the Python of one page in a process of its own: ``python page.py PAGE``, in the page's project.

The blocks keep their line numbers, so that a traceback names the line of the page.
"""

import ast
import asyncio
import importlib
import inspect
import sys
from pathlib import Path

from tests.docs.blocks import python_of, write_files


def main(page: Path) -> None:
    sys.path.insert(0, str(Path.cwd()))
    for name in write_files(page, Path.cwd()):
        importlib.import_module(name.removesuffix(".py").replace("/", "."))
    names: dict[str, object] = {"__name__": "page"}
    with asyncio.Runner() as runner:
        for block in python_of(page):
            if block.file is None:
                text = "\n" * (block.line - 1) + block.text
                flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                code = compile(text, str(page), "exec", flags, dont_inherit=True)
                if code.co_flags & inspect.CO_COROUTINE:
                    runner.run(eval(code, names))
                else:  # not inside of the loop: the block may block
                    exec(code, names)


main(Path(sys.argv[1]))
