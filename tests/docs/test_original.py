"""Every example of the system that we implement is in the documentation, in Python, and runs."""

import pytest

from tests.docs.blocks import PAGES, python_of

TASKS = (
    "send-welcome-email", "daily-digest", "process-data", "fetch-external-api", "cleanup-old-tasks",
    "generate-report", "cleanup-logs", "process-webhook", "unreliable-task", "robust-task", "send-email",
    "process-order", "my-job",
)  # fmt: skip
PATTERNS = (
    "* * * * *", "0 * * * *", "0 0 * * *", "0 9 * * *", "0 0 * * 0", "0 0 1 * *", "*/15 * * * *",
)  # fmt: skip
LINES = ('logger.info("Job started"', 'logger.info("Job completed"', 'logger.error("Job failed"')

CODE = "\n".join(block.text for page in PAGES for block in python_of(page))


@pytest.mark.acceptance("S109")
@pytest.mark.parametrize("task", TASKS)
def test_the_task_is_documented(task: str) -> None:
    assert f'id="{task}"' in CODE


@pytest.mark.acceptance("S109")
@pytest.mark.parametrize("text", [*(f'"{pattern}"' for pattern in PATTERNS), *LINES])
def test_the_rest_is_documented(text: str) -> None:
    assert text in CODE


@pytest.mark.acceptance("S109")
def test_triggering_configuring_and_answering_are_documented() -> None:
    for text in (
        "send_welcome_email.trigger(",
        "my_job.trigger(",
        '"status": "triggered"',
        "define_config(",
    ):
        assert text in CODE
