"""All pages, in one table."""

from hairtrigger.server.dashboard.pages import entry, live, palette, run, runs
from hairtrigger.server.dashboard.routes import PageRoute

PAGES: tuple[PageRoute, ...] = (
    *entry.ROUTES, *live.ROUTES, *runs.ROUTES, *run.ROUTES, *palette.ROUTES,
)  # fmt: skip
