"""Kinds of answers: what differs between models that decide and models that score, one folder each.

The catalogue is data: a name to the :class:`~bench.tasks.task.Task` in it, imported when it is asked for.
"""

TASKS: dict[str, str] = {
    "classification": "bench.tasks.classification.task:TASK",
    "quality": "bench.tasks.quality.task:TASK",
}
