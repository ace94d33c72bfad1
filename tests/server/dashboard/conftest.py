"""A whole server whose dashboard is looked at without a browser."""

from tests.server.conftest import app, settings

__all__ = ["app", "settings"]
