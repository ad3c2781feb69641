"""Networks that a submission may name, and the types of their arguments.

A name is looked up in a fixed table and nowhere else, so no importable thing can be called by naming it.
"""

from __future__ import annotations

import inspect
import json
from functools import cache
from importlib import import_module
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bench.foundation.errors import SubmissionError, UnknownNameError

_TIMED = "zoo.architectures.timed:Timed"
SIGNATURES = {
    "compact": ("zoo.architectures.compact:Compact",),
    "vgg": ("zoo.architectures.vgg:vgg", _TIMED),
    "wrn16": ("zoo.architectures.residual:wrn16", _TIMED),
    "resnet18": ("zoo.architectures.residual:resnet18", _TIMED),
    "resnet20": ("zoo.architectures.residual:resnet20", _TIMED),
    "dbcnn": ("zoo.quality.dbcnn:DBCNN", "zoo.quality.dbcnn:dbcnn"),
    "hyperiqa": ("zoo.quality.hyperiqa:HyperIQA", "zoo.quality.hyperiqa:hyperiqa"),
    "linearity": ("zoo.quality.linearity:LinearityIQA", "zoo.quality.linearity:linearity"),
    "maniqa": ("zoo.quality.maniqa:MANIQA", "zoo.quality.maniqa:maniqa"),
}
"""Builder to the classes and functions whose keyword arguments are its arguments."""
NEURON = "zoo.spiking.neurons:LIF"
LARGEST = 4096
"""Of any number: no network here is wider or longer."""
SMALLEST_THRESHOLD = 1 / 64
"""Of a neuron. Networks that differ in its unit alone decide alike, but numbers near zero upset gradients."""
MOST_STEPS = 128
"""Time steps."""


def check_arguments(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, converted to the builder's types.

    Raises ``SubmissionError`` for an unknown builder, an unknown or missing argument, a value of
    another type, and numbers that could only serve to exhaust the machine.
    """
    if name not in SIGNATURES:
        raise UnknownNameError.of("builder", name, list(SIGNATURES))
    return _checked(SIGNATURES[name], arguments, "builder.arguments")


def _checked(where: tuple[str, ...], arguments: dict[str, Any], path: str) -> dict[str, Any]:
    _bounded(arguments, path)
    try:
        parsed = _model(where).model_validate_json(json.dumps(arguments, allow_nan=False))
    except (ValidationError, ValueError) as error:
        reason = "numbers must be finite"
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            reason = f"{'.'.join(str(part)[:40] for part in first['loc'])}: {first['msg']}"
        raise SubmissionError(f"{path}: {reason}.", "Correct it; bench show zoo:snn_vanilla shows an example.") from error
    values = {key: getattr(parsed, key) for key in parsed.model_fields_set}
    for key, value in values.items():
        if key in NESTED and value is not None:
            values[key] = NESTED[key](value, f"{path}.{key}")
    return values


def _output(arguments: dict[str, Any], path: str) -> dict[str, Any]:
    return _checked((NEURON,), arguments, path)


def _neuron(arguments: dict[str, Any], path: str) -> dict[str, Any]:
    from zoo.spiking.layers import neuron_class

    return _checked((NEURON, _place(neuron_class(arguments))), arguments, path)


def _purifier(arguments: dict[str, Any], path: str) -> dict[str, Any]:
    from zoo.quality.purifiers import PURIFIERS

    name = arguments.get("name")
    if not isinstance(name, str) or name not in PURIFIERS:
        raise UnknownNameError.of("purifier", str(name), list(PURIFIERS))
    others = {key: value for key, value in arguments.items() if key != "name"}
    return {"name": name} | _checked((_place(PURIFIERS[name]),), others, path)


def _place(kind: type) -> str:
    return f"{kind.__module__}:{kind.__name__}"


NESTED = {"neuron": _neuron, "output": _output, "purify": _purifier}
"""What checks arguments that are themselves keyword arguments of a class."""


@cache
def _model(where: tuple[str, ...]) -> type[BaseModel]:
    """A strict model whose fields are the keyword-only arguments of all of ``where``."""
    fields: dict[str, Any] = {}
    for place in where:
        module, _, attribute = place.partition(":")
        kind = getattr(import_module(module), attribute)
        hints = get_type_hints(kind.__init__ if inspect.isclass(kind) else kind)
        for key, parameter in inspect.signature(kind).parameters.items():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                fields[key] = (hints[key], ... if parameter.default is inspect.Parameter.empty else parameter.default)
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    model: type[BaseModel] = create_model("Arguments", __config__=config, **fields)
    return model


def _bounded(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            most = MOST_STEPS if key in ("steps", "input_scale") else LARGEST
            if isinstance(part, int | float) and not isinstance(part, bool) and abs(part) > most:
                raise SubmissionError(f"{path}.{key} is {part}, more than {most}.", "Use a smaller number.")
            if key == "threshold" and isinstance(part, int | float) and not part >= SMALLEST_THRESHOLD:
                raise SubmissionError(
                    f"{path}.{key} is {part}, less than {SMALLEST_THRESHOLD}.",
                    "Scale it up, with the weights before it.",
                )
            _bounded(part, f"{path}.{key}")
    elif isinstance(value, list):
        if len(value) > 64:
            raise SubmissionError(f"{path} has more than 64 entries.", "Use fewer.")
        _bounded({str(number): part for number, part in enumerate(value)}, path)
