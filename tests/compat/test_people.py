"""What the npm client does with a personal access token."""

from typing import Any

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")

ENDED: dict[str, Any] = {
    "listed": True, "walked": True, "production": 0, "elsewhere": 404, "variable": "red",
    "variables": ["COLOUR"], "after": 404, "revoked": 401,
}  # fmt: skip


@pytest.mark.parametrize("name", ENDED)
def test_a_person_sees_a_project_and_sets_its_variables(node: Script, name: str) -> None:
    assert node("people")[name] == ENDED[name]
