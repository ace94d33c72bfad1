"""The background and scheduled work of the application."""
