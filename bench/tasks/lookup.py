"""Looks up tasks by name, and the task that fits both a model and its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.foundation.errors import BoardError, SpecError
from bench.tasks.registry import task_registry

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.tasks.board import BoardRules
    from bench.tasks.submission import SubmissionRules
    from bench.tasks.task import Task
    from bench.tasks.training import TrainingRules


def task_named(name: str) -> Task:
    """The task ``name``. Raises ``UnknownNameError`` if there is none."""
    task: Task = task_registry.get(name)
    return task


def task_for(declared: str | None, ref: str, samples: Samples) -> Task:
    """The task of the model ``ref`` on these samples.

    declared: task of the model; None where only the labels decide. Raises ``SpecError`` if model and labels do not agree,
    ``UnknownNameError`` if the declared task does not exist.
    """
    tasks = [task_named(name) for name in task_registry.names()]
    fitting = [task for task in tasks if task.reads_labels and task.takes(samples)]
    if declared is None:
        if not fitting:
            raise SpecError(f"No task has labels such as those of {samples.name}.", "Choose other data with --data.")
        return fitting[0]
    task = task_named(declared)
    if not task.takes(samples):
        if not task.reads_labels:
            shape = " x ".join(map(str, samples.shape[1:]))
            raise SpecError(f"{ref} answers {task.labels}, and {samples.name} has samples of {shape}.", "Choose other data.")
        kinds = " or ".join(other.labels for other in fitting) or "none that any task knows"
        raise SpecError(
            f"{ref} answers {task.labels}, and {samples.name} has {kinds} as labels.",
            "Choose data of its kind with --data.",
        )
    return task


def board_rules(name: str) -> BoardRules:
    """The rules of the boards of the task ``name``. Raises ``BoardError`` if the task has no boards."""
    if name not in task_registry.names() or (rules := task_named(name).board) is None:
        with_boards = [known for known in task_registry.names() if task_named(known).board is not None]
        raise BoardError(f"There are no boards for the task {name!r}.", f"Boards are of: {', '.join(with_boards)}.")
    return rules


def submission_rules(task: Task) -> SubmissionRules:
    """The rules of a task's submissions. Raises ``SpecError`` if the task has no submissions."""
    if task.submission is None:
        raise SpecError(f"There are no submissions for the task {task.name!r}.", "Evaluate the model by bench evaluate.")
    return task.submission


def training_rules(name: str) -> TrainingRules:
    """The training rules of the task ``name``. Raises ``SpecError`` if the suite trains no such models."""
    rules = task_named(name).training
    if rules is None:
        raise SpecError(f"No models are trained for the task {name!r}.", "Train it elsewhere, and evaluate it.")
    return rules
