"""Payload and output types: one annotation, read both ways.

TypedDicts, dataclasses, msgspec structs and plain containers go through msgspec. pydantic is asked where an
annotation needs it (a model, or a part that msgspec does not know), and only then imported.
"""

import sys
import typing
from typing import Any

import msgspec

from hairtrigger.errors import PayloadValidationError, ProjectError
from hairtrigger.wire import packets


class PayloadType:
    """The type of a payload or an output: checks what is sent, and gives a value of it at the other end."""

    __slots__ = ("_adapter", "_decoder", "_filled", "_ready", "annotation", "owner")

    def __init__(self, owner: str, annotation: Any) -> None:
        self.owner, self.annotation = owner, annotation
        self._ready = annotation is Any
        self._adapter: Any = None  # pydantic's, when the annotation needs it
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._filled = False  # whether a dict is sent with the type's defaults filled in

    def prepare(self) -> None:
        """Build the schema. Done on first use: it takes time, and forward references must exist.

        Raises:
            ProjectError: for an annotation that neither msgspec nor pydantic can read.
        """
        if self._ready:
            return
        if needs_pydantic(self.annotation):
            self._adapter = _adapter(self.annotation)
        else:
            try:
                self._decoder = msgspec.json.Decoder(self.annotation, dec_hook=_part)
            except TypeError:  # such as a union of two dataclasses: pydantic can tell them apart
                self._adapter = _adapter(self.annotation)
            self._filled = _has_defaults(self.annotation)
        self._ready = True

    def parse(self, value: Any) -> Any:
        """A value of the type from decoded JSON.

        Raises:
            PayloadValidationError: naming the problems with their paths, such as ``user.email: missing``.
        """
        if self.annotation is Any:
            return value
        self.prepare()
        try:
            if self._adapter is not None:
                return self._adapter.validate_python(value)
            return msgspec.convert(value, self.annotation, str_keys=True, dec_hook=_part)
        except ValueError as error:
            raise PayloadValidationError(self.owner, _problems(error)) from None

    def encode(self, value: Any) -> tuple[str, str]:
        """A value as a packet, checked; the type's defaults are filled in.

        Raises:
            PayloadValidationError: when it does not fit, or has no JSON form.
        """
        self.prepare()
        try:
            if self._adapter is not None:
                valid = self._adapter.validate_python(value)
                value = self._adapter.dump_python(valid, mode="json", by_alias=True)
            text = packets.encode(value)
            if self._decoder is not None:
                valid = self._decoder.decode(text)
                if self._filled and type(value) is dict:
                    text = packets.encode(valid)
        except (TypeError, ValueError) as error:
            raise PayloadValidationError(self.owner, _problems(error)) from None
        return (packets.TEXT, value) if type(value) is str else (packets.JSON, text)

    def schema(self) -> dict[str, Any] | None:
        """The JSON schema of the type, or None when there is none to be had."""
        if self.annotation is Any:
            return None
        self.prepare()
        try:
            if self._adapter is not None:
                return dict(self._adapter.json_schema())
            return msgspec.json.schema(self.annotation)
        except (TypeError, ValueError, RuntimeError):  # pydantic's schema errors are RuntimeErrors
            return None


def needs_pydantic(annotation: Any) -> bool:
    """Whether a type, or a part of it, is pydantic's own."""
    if "pydantic" not in sys.modules:  # whoever annotates with it has imported it
        return False
    return _is_pydantic(annotation) or any(
        needs_pydantic(part) for part in _parts_of(annotation) if part is not annotation
    )


def _parts_of(annotation: Any) -> tuple[Any, ...]:
    return (*typing.get_args(annotation), *getattr(annotation, "__metadata__", ()))


def _is_pydantic(part: Any) -> bool:
    if isinstance(part, type) and typing.is_typeddict(part):
        return False  # pydantic refuses typing.TypedDict before Python 3.12; msgspec asks us for its parts
    own = hasattr(part, "__get_pydantic_core_schema__") or hasattr(part, "__pydantic_core_schema__")
    return own or type(part).__module__.partition(".")[0] in ("pydantic", "annotated_types")


def _has_defaults(annotation: Any) -> bool:
    return hasattr(annotation, "__dataclass_fields__") or hasattr(annotation, "__struct_fields__")


def _adapter(annotation: Any) -> Any:
    try:
        import pydantic  # half a second of CPU on small machines: for those who use it
    except ImportError:
        raise ProjectError(
            f"The type {annotation!r} needs pydantic: pip install 'hairtrigger[pydantic]'."
        ) from None
    try:
        return pydantic.TypeAdapter(annotation)
    except pydantic.errors.PydanticUserError as error:
        reason = str(error).splitlines()[0]
        raise ProjectError(f"The type {annotation!r} cannot travel as JSON: {reason}") from None


_adapters: dict[Any, Any] = {}


def _part(annotation: type, value: Any) -> Any:
    """A part of a value whose type msgspec does not know: pydantic's, or a class that pydantic can read."""
    adapter = _adapters.get(annotation)
    if adapter is None:
        adapter = _adapters[annotation] = _adapter(annotation)
    return adapter.validate_python(value)


def _problems(error: Exception) -> list[str]:
    details = getattr(error, "errors", None)
    if details is None or isinstance(error, msgspec.ValidationError):
        return [_worded(str(error))]
    return [
        f"{'.'.join(str(part) for part in problem['loc']) or 'payload'}: {problem['msg']}"
        for problem in details(include_url=False, include_context=False)
    ]


def _worded(text: str) -> str:
    """``Expected `int`, got `str` - at `$.user.age` `` as ``user.age: Expected `int`, got `str` ``."""
    reason, _, path = text.partition(" - at `")
    path = path.rstrip("`").removeprefix("$").removeprefix(".")
    return f"{path}: {reason}" if path else reason
