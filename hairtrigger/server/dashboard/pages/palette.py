"""What ⌘K finds, and the sheet of keys."""

from dataclasses import dataclass

from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import shell
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import ids

_MOST = 8  # of each section
_IDS = {"run": "runs", "batch": "batches", "sched": "schedules", "worker": "workers"}


@dataclass(frozen=True, slots=True)
class Found:
    """Something to go to."""

    section: str
    name: str
    detail: str
    icon: str
    href: str


async def find(view: View) -> Answer:
    """Pages, tasks and queues whose names have these letters in this order; an id goes straight there."""
    text = view.query.get("q", "").strip()[:200]
    straight = _by_id(view, text)
    if straight:
        return answers.json(straight, headers=[(b"cache-control", b"no-store")])
    catalog, env = view.store.catalog, view.env
    version = catalog.current_of(env.id)
    places = [place for _, members in shell.SECTIONS for place in members]
    found = [
        *_best(text, "Pages", [(p.name, f"g {p.key}", p.icon, view.link(p.path)) for p in places]),
        *_best(text, "Tasks", [
            (name, manifest.file, "bolt", view.link(f"tasks/{name}")) for name, manifest in version.tasks.items()
        ] if version is not None else []),
        *_best(text, "Queues", [
            (queue.name.removeprefix("task/"), "", "queues", view.link("queues", q=queue.name.removeprefix("task/")))
            for queue in catalog.queues_of(env.id) if not queue.name.startswith("task/")
        ]),
    ]  # fmt: skip
    if text:
        found.append(
            Found("Search", f"Runs with “{text}”", "", "search", view.link("runs", q=text))
        )
    return answers.json(found, headers=[(b"cache-control", b"no-store")])


def _by_id(view: View, text: str) -> list[Found]:
    prefix = text.partition("_")[0]
    if prefix not in _IDS or ids.parse(prefix, text) is None:
        return []
    href = view.link(f"{_IDS[prefix]}/{text}") if prefix != "sched" else view.link(
        "runs", schedule=text
    )  # fmt: skip
    return [Found("Jump", text, "", "arrow-right", href)]


def _best(text: str, section: str, named: list[tuple[str, str, str, str]]) -> list[Found]:
    scored = [
        (score, one) for one in named if (score := _score(text.lower(), one[0].lower())) is not None
    ]
    scored.sort(key=lambda pair: pair[0])
    most = _MOST if text else (20 if section == "Pages" else 5)
    return [Found(section, *one) for _, one in scored[:most]]


def _score(text: str, name: str) -> tuple[int, int] | None:
    """How well letters stand in a name, the less the better: together first, then near the beginning."""
    at = name.find(text)
    if at >= 0:
        return 0, at
    place, gaps = -1, 0
    for letter in text:
        following = name.find(letter, place + 1)
        if following < 0:
            return None
        gaps += following - place - 1
        place = following
    return 1, gaps


KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Everywhere", (
        ("⌘K", "Search or jump"), ("?", "These keys"), ("/", "Search on the page"), ("f", "Filter"),
        ("[ ]", "Environment before, after"), ("\\", "Light or dark"), ("L", "Pause or resume live"),
        ("⌘B", "Sidebar"), ("esc", "Close, clear"), ("⌘↵", "Submit a form"),
    )),
    ("Go to: g, then", tuple((place.key, place.name) for _, members in shell.SECTIONS for place in members)),
    ("Lists", (
        ("j k", "Move"), ("↵", "Open"), ("space", "Look from the side"), ("x", "Select"), ("⇧j ⇧k", "Select on"),
        ("⌘A", "Select all"), ("r", "Replay"), ("c", "Cancel"), ("y", "Copy the id"), (".", "Take new rows"),
        ("h l", "Page"),
    )),
    ("Errors", (
        ("e", "Resolve"), ("i", "Ignore"), ("o", "Reopen"), ("r", "Replay all that failed so"),
    )),
    ("A run", (
        ("← →", "Fold"), ("e w", "Open or fold all"), ("n N", "Next, previous match"), ("0 + −", "Zoom"),
        ("r", "Replay"), ("c", "Cancel"),
    )),
)  # fmt: skip


async def keys(view: View) -> Answer:
    """The sheet of keys."""
    return view.page("parts/keys.html", keys=KEYS)


ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/palette", find),
    PageRoute("GET", "/p/{project}/{env}/keys-sheet", keys),
)
