"""Projects and their environments."""

from dataclasses import dataclass, field

from hairtrigger.rules.queues import EnvironmentLimit

TYPES = {"dev": "DEVELOPMENT", "staging": "STAGING", "preview": "PREVIEW", "prod": "PRODUCTION"}

KINDS = {type_: slug for slug, type_ in TYPES.items()}


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a project: what a key opens, and all that it opens."""

    id: int
    project: int
    project_ref: str  # proj_…
    project_name: str
    slug: str  # dev, prod; of a branch preview-feature-mail
    type: str  # DEVELOPMENT, PRODUCTION
    public_id: str  # env_…, the subject of public tokens
    limit: EnvironmentLimit = field(default_factory=EnvironmentLimit)
    parent: int | None = None  # of a branch: the environment whose keys open it
    branch: str = ""
    archived_at: int | None = None  # ms; nothing is taken for it since

    @property
    def kind(self) -> str:
        """What it is, whatever it is called: ``dev``, ``staging``, ``preview``, ``prod``."""
        return KINDS[self.type]

    @property
    def is_development(self) -> bool:
        return self.type == "DEVELOPMENT"
