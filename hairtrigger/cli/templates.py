"""The files that ``init`` writes. The generated project is type-checked by the tests, as written."""

EXAMPLE = '''"""Two tasks. Every decorated function in this directory is one: `hairtrigger dev` finds it."""

from typing import TypedDict

from hairtrigger import logger, task


class Welcome(TypedDict):
    userId: str
    email: str


class Sent(TypedDict):
    success: bool
    emailSent: bool


@task(id="send-welcome-email")
async def send_welcome_email(payload: Welcome) -> Sent:
    """Welcome somebody who has just signed up."""
    logger.info("Sending welcome email", email=payload["email"])
    # await send_email(to=payload["email"], subject="Welcome!", template="welcome")
    return {"success": True, "emailSent": True}


class Data(TypedDict):
    data: list[str]


class Processed(TypedDict):
    success: bool
    processedCount: int


@task(id="process-data", retry={"max_attempts": 3, "factor": 2})
def process_data(payload: Data) -> Processed:
    """A plain function is a task too: it runs in a thread."""
    processed = [item.upper() for item in payload["data"]]
    return {"success": True, "processedCount": len(processed)}
'''

SCHEDULE = '''"""A task with a schedule: it runs by itself while a server and a worker are up."""

from typing import TypedDict

from hairtrigger import ScheduledPayload, logger, schedules


class Digest(TypedDict):
    success: bool
    emailsSent: int


@schedules.task(id="daily-digest", cron="0 9 * * *")  # every day at 9:00 (UTC)
async def daily_digest(payload: ScheduledPayload) -> Digest:
    """Write to everybody who wants to hear from us every day."""
    logger.info("Running daily digest", due=payload.timestamp.isoformat())
    return {"success": True, "emailsSent": 100}
'''

CONFIG = '''"""How the tasks of this project are found and run."""

from hairtrigger import define_config

config = define_config(
    dirs=["trigger"],
    log_level="info",
    retries={
        "enabled_in_dev": True,
        "default": {
            "max_attempts": 3,
            "min_timeout_in_ms": 1000,
            "max_timeout_in_ms": 10000,
            "factor": 2,
        },
    },
)
'''

PYPROJECT = """[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["hairtrigger>={version}"]

[tool.mypy]
strict = true

[tool.pyright]
typeCheckingMode = "strict"
"""

ENV = """# The development key: the first `hairtrigger dev` takes it for its database.
TRIGGER_SECRET_KEY={key}
TRIGGER_API_URL=http://localhost:3030
"""

GITIGNORE = (".env", ".env.local", ".hairtrigger/", "__pycache__/")

SNIPPETS = {
    "fastapi": """from trigger.example import send_welcome_email

@app.post("/signup")
async def signup() -> dict[str, str]:
    handle = await send_welcome_email.trigger({"userId": "u_1", "email": "ada@example.com"})
    return {"run": handle.id}""",
    "flask": """from trigger.example import send_welcome_email

@app.post("/signup")
def signup() -> dict[str, str]:
    handle = send_welcome_email.sync.trigger({"userId": "u_1", "email": "ada@example.com"})
    return {"run": handle.id}""",
    "django": """from trigger.example import send_welcome_email

def signup(request: HttpRequest) -> JsonResponse:
    handle = send_welcome_email.sync.trigger({"userId": "u_1", "email": "ada@example.com"})
    return JsonResponse({"run": handle.id})""",
}
