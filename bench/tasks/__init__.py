"""Tasks, the kinds of answers: models that decide, that score and that reconstruct, one folder each.

The catalogue is data: from a name to the place of the :class:`~bench.tasks.task.Task`, which is imported on demand.
"""

TASKS: dict[str, str] = {
    "classification": "bench.tasks.classification.task:TASK",
    "quality": "bench.tasks.quality.task:TASK",
    "reconstruction": "bench.tasks.reconstruction.task:TASK",
}
