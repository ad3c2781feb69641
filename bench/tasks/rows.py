"""Columns that the rows of every task have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.tasks.results import Results
    from bench.tasks.task import Request


def request_columns(request: Request, results: Results) -> Iterator[tuple[int, int, float, dict[str, Any]]]:
    """Shard by shard, radius by radius, attack by attack: (shard, number of the attack, radius, columns of the rows).

    The columns describe the attack and the answers under noise: attack, norm, eps, eps_text, noise_1, noise_k, noise_draws.
    """
    for shard in range(results.shards):
        for eps in request.eps:
            noise = results.noise(eps.value, shard)
            for number, resolved in enumerate(request.attacks):
                columns = {
                    "attack": resolved.spec,
                    "norm": request.norm,
                    "eps": eps.value,
                    "eps_text": eps.text,
                    "noise_1": noise.first,
                    "noise_k": [row[resolved.noise_draws - 1] for row in noise.worst],
                    "noise_draws": resolved.noise_draws,
                }
                yield shard, number, eps.value, columns
