"""``pyiqa:NAME``: a metric of a library that is not part of this suite; whatever goes wrong in there is one sentence."""

from __future__ import annotations

from bench.foundation.errors import ModelError
from bench.foundation.model_refs import LibraryRef
from bench.models.own import Origin, own_subject
from bench.models.preparation import Preparation
from bench.models.subject import Subject


def from_pyiqa(text: str, ref: LibraryRef, stochastic: bool, prepare: Preparation) -> Subject:
    """The metric. Raises ``ModelError`` if it cannot be opened."""
    from importlib.metadata import PackageNotFoundError, version

    from zoo.adapters.pyiqa import INSTALL, LICENCE, open_metric

    try:
        module = open_metric(ref.name, ref.options)
    except ModuleNotFoundError as error:
        raise ModelError(f"{text} needs {error.name}, which is not installed.", f"Run: {INSTALL}.") from error
    except Exception as error:  # torchvision that does not fit torch, a download that fails, an unknown option
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(f"{text} cannot be opened ({reason}).", "Correct its name or options, or repair pyiqa.") from error
    try:
        installed = version("pyiqa")
    except PackageNotFoundError:
        installed = "unknown"
    known = {"metric": ref.name, "options": ref.options, "pyiqa": installed, "licence": LICENCE}
    return own_subject(module, Origin(text, known), stochastic, prepare)
