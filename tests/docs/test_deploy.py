"""What deploy/ and the guide tell people to set and to run exists."""

import configparser
import dataclasses
import json
import re
from pathlib import Path

import click
import pytest

from hairtrigger.cli.main import root
from hairtrigger.sdk import settings as sdk
from hairtrigger.server.settings import Settings, variable
from hairtrigger.store import beside, connecting, postgres, reaching
from hairtrigger.wire import durations
from hairtrigger.worker.settings import WorkerSettings
from tests.docs.blocks import ROOT, blocks_of

DEPLOY = ROOT / "deploy"
GUIDE = ROOT / "docs" / "guides" / "deploy-a-server.md"
MANIFESTS = sorted(DEPLOY.glob("*.yaml"))
FILES = [DEPLOY / "Dockerfile", *MANIFESTS, GUIDE]
NOT_OURS = {"PATH", "PYTHONUNBUFFERED", "XDG_STATE_HOME"}
"""Python's and the system's; the last one is where a worker leaves its lock files."""
LEAVING_S = 4  # a worker's goodbye, and a body that has to be killed
_NAME = re.compile(r"\b(?:HAIRTRIGGER|TRIGGER)_[A-Z_]+\b")
_ENVIRONMENT = re.compile(
    r"^(?:ENV |Environment=| +- name: )([A-Z][A-Z_]+)\b|^  ([A-Z][A-Z_]+): ", re.MULTILINE
)


def settings_that_exist() -> set[str]:
    """The variables of servers, and those that clients and workers read."""
    clients = Path(sdk.__file__).read_text()
    return {variable(one.name) for one in dataclasses.fields(Settings)} | set(
        re.findall(r'"(TRIGGER_[A-Z_]+)"', clients)
    )


def manifest(kind: str, name: str) -> str:
    """The text of one document of kubernetes.yaml, without its comments."""
    text = re.sub(r"^ *#.*\n", "", (DEPLOY / "kubernetes.yaml").read_text(), flags=re.MULTILINE)
    found = [
        one
        for one in text.split("\n---\n")
        if f"\nkind: {kind}\nmetadata:\n  name: {name}\n" in f"\n{one}"
    ]
    assert len(found) == 1, f"{kind} {name}: {len(found)} documents"
    return found[0]


def number(text: str, name: str) -> int:
    found = re.search(rf"(?<!\w){name}[:=] ?\"?(\d+)", text)
    assert found is not None, f"{name} is not set"
    return int(found[1])


def units() -> dict[str, configparser.SectionProxy]:
    """The guide's systemd services by their command."""
    found = {}
    for block in blocks_of(GUIDE):
        if block.language == "ini":
            unit = configparser.ConfigParser(strict=False, interpolation=None)
            unit.optionxform = str  # type: ignore[assignment,method-assign]  # as the library says
            unit.read_string(block.text)
            service = unit["Service"]
            found[service["ExecStart"].split()[1]] = service
    return found


def accepted(words: list[str]) -> click.Context:
    """A command line of ours without its program, parsed and not run."""
    outer = click.Context(root)
    command = root.get_command(outer, words[0])
    assert command is not None, f"there is no hairtrigger {words[0]}"
    return command.make_context(words[0], words[1:], parent=outer)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_variable_that_is_named_is_a_setting(file: Path) -> None:
    named = set(_NAME.findall(file.read_text()))

    assert named, f"{file.name} names no setting"
    assert named - settings_that_exist() == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_else_is_set(file: Path) -> None:
    texts = [file.read_text()]
    if file.suffix == ".md":
        texts = [one.text for one in blocks_of(file) if one.language in ("ini", "dockerfile")]
    set_there = {one or two for text in texts for one, two in _ENVIRONMENT.findall(text)}

    assert set_there - settings_that_exist() - NOT_OURS == set()


def test_the_units_run_commands_that_exist() -> None:
    services = units()

    assert set(services) == {"server", "worker"}
    for service in services.values():
        accepted(service["ExecStart"].split()[1:])


def test_systemd_waits_longer_than_a_server_or_worker_takes_to_stop() -> None:
    services = units()
    worker = accepted(services["worker"]["ExecStart"].split()[1:])
    drain_s = durations.parse(worker.params["drain_timeout"]) / 1_000

    assert int(services["server"]["TimeoutStopSec"]) > Settings().drain_ms / 1_000
    assert int(services["worker"]["TimeoutStopSec"]) > drain_s + kill_grace_s() + LEAVING_S
    assert all(one["SuccessExitStatus"] == "143" for one in services.values())


def kill_grace_s() -> float:
    defaults = {one.name: one.default for one in dataclasses.fields(WorkerSettings)}
    return float(defaults["kill_grace_s"])  # type: ignore[arg-type]  # it has one


def containers_words(deployment: str) -> list[str]:
    """What a container is told to run: its list of arguments, in either form of YAML."""
    inline = re.search(r"args: (\[.*\])", deployment)
    if inline:
        return [str(one) for one in json.loads(inline[1])]
    listed = re.search(r"args:\n((?: +- .+\n)+)", deployment)
    assert listed is not None
    return re.findall(r"- (.+)", listed[1])


@pytest.mark.parametrize("name", ["server", "worker"])
def test_the_containers_run_commands_that_exist(name: str) -> None:
    words = containers_words(manifest("Deployment", f"hairtrigger-{name}"))

    assert words[0] == name
    accepted(words)


def test_the_image_runs_a_command_that_exists() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    entry, command = (
        json.loads(re.findall(rf"^{word} (\[.*\])$", text, re.MULTILINE)[-1])
        for word in ("ENTRYPOINT", "CMD")
    )

    assert entry == ["hairtrigger"]
    accepted(command)
    assert re.search(r"^USER 10001$", text, re.MULTILINE)


def test_the_grace_periods_are_longer_than_the_drains() -> None:
    server = manifest("Deployment", "hairtrigger-server")
    worker = manifest("Deployment", "hairtrigger-worker")
    pause = re.search(r'command: \["sleep", "(\d+)"\]', server)
    assert pause is not None
    drain_s = number(manifest("ConfigMap", "hairtrigger"), "HAIRTRIGGER_DRAIN_MS")
    grace_s = number(worker, "terminationGracePeriodSeconds")

    assert number(server, "terminationGracePeriodSeconds") > int(pause[1]) + drain_s
    assert grace_s > number(worker, "--drain-timeout") + kill_grace_s() + LEAVING_S


def test_probes_ask_what_answers() -> None:
    server = manifest("Deployment", "hairtrigger-server")
    worker = manifest("Deployment", "hairtrigger-worker")
    ready = server[server.index("readinessProbe") : server.index("livenessProbe")]

    assert "path: /readyz" in ready
    assert number(ready, "timeoutSeconds") > reaching.PATIENCE_S  # it is waited for before the 503
    assert "path: /healthcheck" in server[server.index("livenessProbe") :]
    assert number(worker, "--health-port") == number(worker, "containerPort")
    assert "livenessProbe" not in worker  # it would kill workers while the servers are away


@pytest.mark.parametrize("name", ["server", "worker"])
def test_no_service_sets_a_variable_of_ours(name: str) -> None:
    assert "enableServiceLinks: false" in manifest("Deployment", f"hairtrigger-{name}")


def test_the_workers_have_no_secret_of_the_servers() -> None:
    worker = manifest("Deployment", "hairtrigger-worker")

    assert re.findall(r"secretRef:\n +name: (.+)", worker) == ["hairtrigger-worker"]
    assert "HAIRTRIGGER_" not in manifest("Secret", "hairtrigger-worker")


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_every_document_is_an_object_with_a_name(file: Path) -> None:
    text = re.sub(r"^ *#.*\n", "", file.read_text(), flags=re.MULTILINE)

    for document in text.split("\n---\n"):
        assert re.match(r"apiVersion: \S+\nkind: [A-Z]\w+\nmetadata:\n  name: \S+\n", document)
        assert "\t" not in document


def test_the_guide_counts_the_connections_that_a_server_opens() -> None:
    upkeep, listener = 1, 1
    most = postgres.WRITERS + beside.READERS + upkeep + listener

    assert f"A server has up to {most}: {postgres.WRITERS} that write" in GUIDE.read_text()
    assert f"up to {beside.READERS} that read" in GUIDE.read_text()


def test_the_guide_names_the_oldest_postgresql() -> None:
    assert f"PostgreSQL {connecting.OLDEST} or newer" in GUIDE.read_text()


def test_the_guide_gives_a_poolers_user_what_a_session_is_given() -> None:
    text = GUIDE.read_text()

    for name in ("idle_in_transaction_session_timeout", "lock_timeout"):
        assert f"set {name} = '{connecting.SESSION[name]}'" in text


@pytest.mark.parametrize("proxy", ["nginx", "caddyfile"])
def test_a_proxy_waits_longer_than_a_call_is_held(proxy: str) -> None:
    (block,) = [one.text for one in blocks_of(GUIDE) if one.language == proxy]
    waits = re.findall(r"(?:proxy_read_timeout|response_header_timeout) (\d+)s", block)
    keeps = re.findall(r"(?:keepalive_timeout|keepalive) (\d+)s", block)

    assert waits
    assert all(int(one) * 1_000 > Settings().hold_ms for one in waits)
    assert keeps
    assert all(int(one) * 1_000 < Settings().keep_alive_ms for one in keeps)
