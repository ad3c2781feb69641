"""The registry of tasks, by name; in a module of its own, so that a record can look up its task."""

from __future__ import annotations

from typing import Any

from bench.foundation.registry import Registry
from bench.tasks import TASKS

task_registry: Registry[Any] = Registry("task", TASKS, "bench.tasks")
"""Names to :class:`~bench.tasks.task.Task`."""
