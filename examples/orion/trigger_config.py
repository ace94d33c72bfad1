"""The configuration of the project's jobs."""

from hairtrigger import define_config

config = define_config(
    project="orion",
    dirs=["jobs/trigger"],
    log_level="info",
    retries={
        "enabled_in_dev": True,
        "default": {
            "max_attempts": 3,
            "min_timeout_in_ms": 1000,
            "max_timeout_in_ms": 10000,
            "factor": 2,
        },
    },
)
