"""Tasks, the kinds of answers: models that decide and models that score, one folder each.

The catalogue is data: from a name to the place of the :class:`~bench.tasks.task.Task`, which is imported on demand.
"""

TASKS: dict[str, str] = {
    "classification": "bench.tasks.classification.task:TASK",
    "quality": "bench.tasks.quality.task:TASK",
}
