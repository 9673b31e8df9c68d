"""Logs: one JSON line for each event on standard error, by structlog and the standard library."""

from typing import Any

import structlog

SHARED_STEPS: list[Any] = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]


def configuration() -> dict[str, Any]:
    """Return the LOGGING setting, and send structlog's own loggers to the standard library."""
    structlog.configure(
        processors=[*SHARED_STEPS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_STEPS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.ExceptionRenderer(_traceback_without_values),
                    structlog.processors.JSONRenderer(),
                ],
            },
            "as it is": {"format": "%(message)s"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
            "lines": {"class": "logging.StreamHandler", "formatter": "as it is"},
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Its lines quote the path, which can hold a link token. Our own line has the route.
            "django.request": {"level": "CRITICAL"},
            "django.security": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "level": "CRITICAL"},
            # The recorder's: whole batches, already JSON lines.
            "flowlatch.calls": {"handlers": ["lines"], "level": "INFO", "propagate": False},
            "uvicorn": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }


# Names the exception and the lines that it passed, never its message or a local value, which could
# quote what a client sent.
def _traceback_without_values(exc_info: Any) -> list[str]:
    kind, _, trace = exc_info
    frames: list[str] = [kind.__name__]
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames
