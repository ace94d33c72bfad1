"""``whoami``: which project and environment the key opens."""

from hairtrigger.cli import words
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.state import State, pass_state


@make_command("whoami")
@pass_state
def command(state: State) -> None:
    """Say which project and environment the key opens, and where it comes from."""
    found = state.get("/api/v1/whoami")
    here = state.client.settings
    person = None if state.profile is None else state.profile.ask("GET", "/api/v2/whoami")
    if state.out.is_json:
        who = {} if person is None else {"email": person["email"], "role": person["role"]}
        state.out.json({**found, "url": here.url, **who})
        return
    env = found["environment"]
    slug = f"{env['slug']}  branch {env['branch']}" if env.get("branch") else env["slug"]
    facts = {
        "Project": f"{found['projectName']}  {found['project']}",
        "Environment": f"{slug}  {env['id']}",
        "Server": f"{here.url}  {found['version']}",
        "Key": f"{words.secret(here.key)}  {state.origin.key}",
    }
    if person is not None:
        facts["Person"] = f"{person['email']}  {person['role']}"
    for label, value in facts.items():
        state.out.data(f"{label:<13}{value}")
