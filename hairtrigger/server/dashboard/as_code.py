"""A list of runs, or a run, as the code that asks for the same."""

import json
import shlex
from urllib.parse import urlencode

from hairtrigger.server.dashboard.search import Search
from hairtrigger.server.dashboard.snippets import Snippet

_MEMBERS = {
    "statuses": "status",
    "tasks": "task",
    "tags": "tag",
    "versions": "version",
    "queues": "queue",
}
_FILTERS = {"task": "taskIdentifier"}


def of_list(asked: Search, period: str, url: str) -> list[Snippet]:
    """How to ask for a list of runs; what the API cannot narrow is left out."""
    wanted = asked.wanted
    given: dict[str, list[str]] = {
        name: list(getattr(wanted, member))
        for member, name in _MEMBERS.items()
        if getattr(wanted, member)
    }
    given = {
        name: [one for one in values if one != "REATTEMPTING"] for name, values in given.items()
    }
    given = {name: values for name, values in given.items() if values}
    cli = ["hairtrigger", "runs", "list"]
    for name, values in given.items():
        for value in values:
            cli += [f"--{name}", value]
    query = [
        (f"filter[{_FILTERS.get(name, name)}]", ",".join(values)) for name, values in given.items()
    ]
    if period:
        cli += ["--since", period]
        query.append(("filter[createdAt][period]", period))
    address = f"{url}/api/v1/runs" + (f"?{urlencode(query)}" if query else "")
    python = [
        f"{'task_identifier' if name == 'task' else name}={json.dumps(values[0] if len(values) == 1 else values)}"
        for name, values in given.items()
    ]
    python += [f"period={json.dumps(period)}"] if period else []
    script = {
        _FILTERS.get(name, name): values[0] if len(values) == 1 else values
        for name, values in given.items()
        if name != "queue"
    }
    if period:
        script["period"] = period
    return [
        Snippet("CLI", shlex.join(cli)),
        Snippet("curl", f'curl -H "Authorization: Bearer $TRIGGER_SECRET_KEY" {shlex.quote(address)}'),
        Snippet("Python", (
            "from hairtrigger import runs\n\nasync for run in runs.list("
            f"{', '.join(python)}):\n    print(run.id, run.status)"
        )),
        Snippet("TypeScript", (
            'import { runs } from "@trigger.dev/sdk";\n\nfor await (const run of runs.list('
            f"{json.dumps(script) if script else ''})) {{\n  console.log(run.id, run.status);\n}}"
        )),
    ]  # fmt: skip


def of_run(run_id: str, url: str) -> list[Snippet]:
    """How to look at one run."""
    address = f"{url}/api/v3/runs/{run_id}"
    return [
        Snippet("CLI", f"hairtrigger runs get {run_id}\nhairtrigger runs logs {run_id}"),
        Snippet("curl", f'curl -H "Authorization: Bearer $TRIGGER_SECRET_KEY" {address}'),
        Snippet("Python", (
            f'from hairtrigger import runs\n\nrun = await runs.retrieve("{run_id}")\nprint(run.status, run.output)'
        )),
        Snippet("TypeScript", (
            'import { runs } from "@trigger.dev/sdk";\n\n'
            f'const run = await runs.retrieve("{run_id}");\nconsole.log(run.status, run.output);'
        )),
    ]  # fmt: skip
