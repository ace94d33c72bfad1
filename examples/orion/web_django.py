"""A Django application in one file that triggers jobs. Start it with ``uvicorn web_django:asgi``.

In a project of your own, the views go to ``views.py``; nothing else is needed.
"""

import json
import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from jobs.trigger.example import process_data
from jobs.trigger.send_welcome_email import send_welcome_email

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["localhost", "127.0.0.1", "testserver"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only for this example"),
    )
    django.setup()


@require_POST  # type: ignore[untyped-decorator]  # Django ships no types
async def signup(request: HttpRequest) -> JsonResponse:
    user = json.loads(request.body)
    handle = await send_welcome_email.trigger(
        {"userId": user["userId"], "email": user["email"]},
        idempotency_key=["welcome", user["userId"]],
    )
    return JsonResponse({"jobId": handle.id, "status": "triggered"})


@require_POST  # type: ignore[untyped-decorator]  # Django ships no types
def process(request: HttpRequest) -> JsonResponse:
    """A view that is a plain function triggers through ``.sync``."""
    handle = process_data.sync.trigger({"data": json.loads(request.body)["data"]})
    return JsonResponse({"jobId": handle.id, "status": "triggered"})


urlpatterns = [path("signup", signup), path("process", process)]
asgi = get_asgi_application()
wsgi = get_wsgi_application()
