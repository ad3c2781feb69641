"""Does an attack run the stages that a board's protocol has frozen for a model of this kind?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attacks.fitting import OF_WHOLE_LAYERS
from bench.foundation.errors import SubmissionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from bench.boards.protocol import FrozenAttack, Protocol
    from bench.tasks.record import AttackInfo
    from bench.tasks.task import Request


def as_frozen(attack: AttackInfo, frozen: FrozenAttack, *, spiking: bool) -> bool:
    """Whether ``attack`` has the frozen stages of its kind of model. spiking: whether layers take gradient paths.

    On a model whose spikes are made by functions, stages may be missing whose gradient path is defined for whole layers;
    the attack says so of each.
    """
    left_out = {name for text in attack.left_out for name, _, reason in [text.partition(": ")] if reason == OF_WHOLE_LAYERS}
    kinds = (frozen.spiking, frozen.coded) if spiking else (frozen.smooth,)
    return any(_dumped(attack.stages) == [each for each in _dumped(kind) if each["name"] not in left_out] for kind in kinds)


def refuse_other_stages(request: Request, protocol: Protocol) -> None:
    """Raise ``SubmissionError`` for a model that the protocol has no stages for, before hours are spent on it."""
    from bench.evaluation.build_record import attack_info

    frozen = {attack.spec: attack for attack in protocol.attacks}
    spiking = request.subject.path_takers > 0
    for resolved, stages, left_out in zip(request.attacks, request.stages, request.left_out, strict=True):
        attack = attack_info(resolved, stages, left_out, request)
        if not as_frozen(attack, frozen[attack.spec], spiking=spiking):
            raise SubmissionError(
                f"{request.subject.ref} cannot enter: {attack.spec} has other stages on it than the protocol has frozen"
                f"{_why(request)}.",
                "Measure it with bench evaluate, which gives it a record of its own.",
            )


def _why(request: Request) -> str:
    if not request.subject.differentiable:
        return ", because no gradient reaches its input"
    return ", because it rounds its input" if request.subject.rounds else ""


def _dumped(stages: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [stage.model_dump() for stage in stages]
