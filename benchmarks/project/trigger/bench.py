"""The run of every benchmark: it notes when it began, and that is all."""

from benchmarks.stamps import stamp
from hairtrigger import task


@task(id="begin")
async def begin(asked_ns: int) -> None:
    """Note that the run asked for at `asked_ns` begins."""
    stamp(asked_ns)
