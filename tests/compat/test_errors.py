"""Errors: the class that an application catches, and that nothing is asked for again in vain."""

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")

CLASSES = {
    "wrongKey": (401, "AuthenticationError"),
    "noPermission": (403, "PermissionDeniedError"),
    "noRun": (404, "NotFoundError"),
    "noRunToCancel": (404, "NotFoundError"),
    "noRunToReplay": (404, "NotFoundError"),
    "noBatch": (404, "NotFoundError"),
    "noKey": (404, "NotFoundError"),
    "machine": (400, "BadRequestError"),
    "longTag": (400, "BadRequestError"),
    "attempts": (400, "BadRequestError"),
    "tags": (422, "UnprocessableEntityError"),
    "version": (422, "UnprocessableEntityError"),
    "delay": (422, "UnprocessableEntityError"),
    "ttl": (422, "UnprocessableEntityError"),
    "debounce": (422, "UnprocessableEntityError"),
    "key": (422, "UnprocessableEntityError"),
    "metadata": (413, "ApiError"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_failure_for_good_has_its_class_and_costs_one_request(node: Script, name: str) -> None:
    status, kind = CLASSES[name]
    error = node("errors")["errors"][name]

    assert error["status"] == status
    assert kind in error["classes"]
    assert error["name"] == "TriggerApiError"
    assert len(error["message"]) > 10
    assert error["code"]
    assert error["requests"] == 1


def test_a_trigger_whose_answer_is_lost_makes_one_run(node: Script) -> None:
    lost = node("errors")["lost"]

    assert lost == {"sent": 2, "sameName": True, "runs": 1, "isCached": False, "same": True}
