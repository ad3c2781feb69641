"""The registry of tasks, by name. Apart from their types, so that a record can look its own up."""

from __future__ import annotations

from typing import Any

from bench.foundation.registry import Registry
from bench.tasks import TASKS

task_registry: Registry[Any] = Registry("task", TASKS, "bench.tasks")
"""Names to :class:`~bench.tasks.task.Task`."""
