"""Projects and their environments."""

from dataclasses import dataclass, field

from hairtrigger.rules.queues import EnvironmentLimit

TYPES = {"dev": "DEVELOPMENT", "staging": "STAGING", "preview": "PREVIEW", "prod": "PRODUCTION"}


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a project: what a key opens, and all that it opens."""

    id: int
    project: int
    project_ref: str  # proj_…
    project_name: str
    slug: str  # dev, prod
    type: str  # DEVELOPMENT, PRODUCTION
    public_id: str  # env_…, the subject of public tokens
    limit: EnvironmentLimit = field(default_factory=EnvironmentLimit)

    @property
    def is_development(self) -> bool:
        return self.type == "DEVELOPMENT"
