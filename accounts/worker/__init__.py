"""The worker: background jobs, run by one process at a time."""

from accounts.worker.worker import Job, Worker, jobs, register

__all__ = ["Job", "Worker", "jobs", "register"]
