"""Which attempts are recorded: the standard samplers of OpenTelemetry, as its own variables name them."""

from collections.abc import Mapping

_RATIOS = {"always_on": 1.0, "always_off": 0.0}


class Sampler:
    """Decides as OpenTelemetry's standard samplers do."""

    def __init__(self, *, ratio: float, follows_parent: bool) -> None:
        self._bound, self._follows = round(ratio * 2**64), follows_parent
        self._takes_all = ratio == 1

    def takes(self, trace_id: bytes, parent_flags: int | None) -> bool:
        """Whether an attempt is recorded; ``parent_flags`` are None for one that begins a trace."""
        if self._follows and parent_flags is not None:
            return bool(parent_flags & 1)
        return self._takes_all or int.from_bytes(trace_id[8:], "big") < self._bound


def sampler(environ: Mapping[str, str]) -> Sampler | None:
    """The sampler that an environment names; None for one that only the SDK knows."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    root = name.removeprefix("parentbased_")
    ratio = _RATIOS.get(root)
    if root == "traceidratio":
        try:
            ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 1.0)
        except ValueError:
            ratio = 1.0  # as the SDK takes it, which also says so
    if ratio is None or not 0 <= ratio <= 1:
        return None
    return Sampler(ratio=ratio, follows_parent=root != name)
