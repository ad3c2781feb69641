"""Listening to autograd Functions while a network runs.

Networks keep ``SomeFunction.apply`` in attributes, closures and partials, so ``apply`` cannot be exchanged. But torch looks
``forward`` (or ``setup_context``) of the class up at every call, and ``apply`` of the *call's own* context when its
gradient is due. So those static methods are exchanged for the length of a block, and a listener may give any call another
backward by setting an attribute on its context. That backward belongs to the call: it is right whenever it runs, and the
class itself never has another one.

A class is exchanged while any block needs it and has its own methods back afterwards. Which listener hears a call is a
matter of the thread and of the block that made the call: other threads, and networks outside any block, notice nothing.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

import torch

Kind = type[torch.autograd.Function]
METHODS = ("forward", "setup_context")


class Listener(Protocol):
    """Hears of calls of Functions, except of those that a Function makes inside its own forward."""

    def heard(self, kind: Kind, context: Any, inputs: tuple[Any, ...], outputs: Any) -> None:
        """A Function computed ``outputs``; its gradient will be asked of ``context``."""
        ...


_listener: ContextVar[Listener | None] = ContextVar("who listens to Functions", default=None)
_depth: ContextVar[int] = ContextVar("how many Functions are computing", default=0)
_lock = threading.RLock()
_in_use: dict[Kind, int] = {}
_own: dict[Kind, dict[str, Any]] = {}
_codes: WeakKeyDictionary[Kind, object] = WeakKeyDictionary()
_nurseries: list[WeakSet[Kind]] = []


def computing() -> bool:
    """Whether this thread is inside the forward of a Function that is listened to."""
    return _depth.get() > 0


def functions_of_strangers() -> list[Kind]:
    """The Functions that exist now, except those of torch and of this suite, where ``forward`` is looked up on them."""

    def below(kind: Kind) -> Iterator[Kind]:
        for sub in kind.__subclasses__():
            yield sub
            yield from below(sub)

    seen = dict.fromkeys(below(torch.autograd.Function))
    return [kind for kind in seen if is_strange(kind.__module__) and _own_forward(kind)]


def is_strange(module: str) -> bool:
    """Whether code of the Python module ``module`` belongs neither to torch nor to this suite."""
    ours = ("torch", "attacks", "zoo", "bench", "reports")
    return module == __package__ + ".wrapping" or module.split(".")[0] not in ours


def code_of(kind: Kind) -> object:
    """What tells a Function from others, also where each call of a network makes its class anew."""
    if kind not in _codes:
        method = inspect.unwrap(getattr(kind, "forward"))  # noqa: B009  (mypy takes it for a call)
        _codes[kind] = getattr(method, "__code__", None)
    return _codes[kind] or kind


def _own_forward(kind: Kind) -> bool:
    """Whether ``forward`` is defined by ``kind`` or a helper class, and not by another Function that it derives from."""
    owner = next(base for base in kind.__mro__ if "forward" in vars(base))
    return owner is kind or not issubclass(owner, torch.autograd.Function)


@contextmanager
def listening(listener: Listener, kinds: Sequence[Kind], *, newborn: bool = False) -> Iterator[None]:
    """Let ``listener`` hear the calls of ``kinds`` that this thread makes in the block.

    newborn: also of Functions whose class is made inside the block.
    """
    born: WeakSet[Kind] = WeakSet()
    token, depth = _listener.set(listener), _depth.set(0)
    exchanged: list[Kind] = []
    try:
        for kind in kinds:
            _exchange(kind)
            exchanged.append(kind)
        if newborn:
            _attend(born)
        yield
    finally:
        _depth.reset(depth)
        _listener.reset(token)
        if newborn:
            _leave(born)
        for kind in (*exchanged, *born):
            _restore(kind)


def _attend(born: WeakSet[Kind]) -> None:
    """From now on, exchange the methods of every Function that is made, and note it in ``born``."""

    def made(kind: Kind, /, **settings: Any) -> None:
        super(torch.autograd.Function, kind).__init_subclass__(**settings)
        if is_strange(kind.__module__) and _own_forward(kind):
            for nursery in _nurseries:
                _exchange(kind)
                nursery.add(kind)

    with _lock:
        if not _nurseries:
            torch.autograd.Function.__init_subclass__ = classmethod(made)  # type: ignore[assignment]
        _nurseries.append(born)


def _leave(born: WeakSet[Kind]) -> None:
    with _lock:
        if any(nursery is born for nursery in _nurseries):
            _nurseries[:] = [nursery for nursery in _nurseries if nursery is not born]
            if not _nurseries:
                del torch.autograd.Function.__init_subclass__


def _exchange(kind: Kind) -> None:
    with _lock:
        _in_use[kind] = _in_use.get(kind, 0) + 1
        if _in_use[kind] > 1:
            return
        _own[kind] = {name: vars(kind).get(name) for name in METHODS}
        methods = {name: getattr(kind, name) for name in METHODS}
        two = methods["setup_context"] is not torch.autograd.Function.setup_context
        replaced = {"forward": _counted(methods["forward"]), "setup_context": _reporting_context(methods["setup_context"])}
        if not two:
            replaced = {"forward": _reporting(methods["forward"])}
        for name, method in replaced.items():
            setattr(kind, name, staticmethod(method))


def _restore(kind: Kind) -> None:
    with _lock:
        if kind not in _in_use:
            return
        _in_use[kind] -= 1
        if _in_use[kind]:
            return
        del _in_use[kind]
        for name, method in _own.pop(kind).items():
            if method is not None:
                setattr(kind, name, method)
            elif name in vars(kind):
                delattr(kind, name)


def _reporting(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward(ctx, *inputs)`` that reports its call to the listener."""
    counted = _counted(forward)

    @wraps(forward)
    def reporting(context: Any, *inputs: Any) -> Any:
        outputs = counted(context, *inputs)
        _report(context, inputs, outputs)
        return outputs

    return reporting


def _counted(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward`` that counts how many Functions are computing."""

    @wraps(forward)
    def counted(*inputs: Any) -> Any:
        token = _depth.set(_depth.get() + 1)
        try:
            return forward(*inputs)
        finally:
            _depth.reset(token)

    return counted


def _reporting_context(setup_context: Callable[..., Any]) -> Callable[..., Any]:
    """``setup_context(ctx, inputs, output)`` that reports the call to the listener."""

    @wraps(setup_context)
    def reporting(context: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        setup_context(context, inputs, output)
        _report(context, inputs, output)

    return reporting


def _report(context: Any, inputs: tuple[Any, ...], outputs: Any) -> None:
    listener = None if computing() else _listener.get()
    if listener is not None:
        listener.heard(type(context)._forward_cls, context, inputs, outputs)


def is_listening(listener: Listener) -> bool:
    """Whether this thread's calls are reported to ``listener`` now."""
    return _listener.get() is listener
