"""A browser without a screen: cookies, forms and the token that pages carry, over the application itself."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from hairtrigger.engine import accounts
from hairtrigger.rules.accounts import Role
from hairtrigger.server.app import App
from tests.server.driving import Reply, drive

HOST = "localhost:3030"
PASSWORD = "a sentence that is long"
_CSRF = re.compile(r'<meta name="csrf" content="([^"]*)">')


@dataclass
class Looker:
    """Somebody at a browser. ``base`` is the path of production."""

    app: App
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    @property
    def base(self) -> str:
        env = next(e for e in self.app.server.store.catalog.envs.values() if e.slug == "prod")
        return f"/p/{env.project_ref}/prod"

    async def get(self, path: str, **headers: str) -> Reply:
        """A page; a path that does not begin with a slash is of production."""
        reply = await self._send("GET", path, b"", headers)
        found = _CSRF.search(reply.body.decode(errors="replace"))
        if found:
            self.csrf = found[1]
        return reply

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Reply:
        """A form, sent as a page of ours would."""
        given = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin", **headers}
        given.setdefault("content-type", "application/x-www-form-urlencoded")
        return await self._send(
            "POST", path, urlencode({"csrf": self.csrf, **(form or {})}).encode(), given
        )

    async def sign_in(self, email: str) -> Reply:
        return await self.post("/sign-in", {"email": email, "password": PASSWORD})

    async def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        path = path if path.startswith("/") else f"{self.base}/{path}"
        given = {
            "host": HOST,
            "accept": "text/html",
            **{n.replace("_", "-"): v for n, v in headers.items()},
        }
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = await drive(self.app, method, path, [body], given)
        if "set-cookie" in reply.headers:
            name, _, rest = reply.headers["set-cookie"].partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return reply


async def somebody(app: App, role: Role) -> Looker:
    """A person with this role, signed in, with a page open."""
    email = f"{role}@example.org"
    await accounts.add_user(app.server.store, email=email, name=role, role=role, password=PASSWORD)
    looker = Looker(app)
    assert (await looker.sign_in(email)).status == 303
    await looker.get("runs")
    return looker
