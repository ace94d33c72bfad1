"""A whole server whose dashboard is looked at without a browser."""

from tests.server.conftest import app, settings, told

__all__ = ["app", "settings", "told"]
