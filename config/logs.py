"""Logs: one JSON line for each event on standard error, by structlog and the standard library.

All lines have one shape, those of other libraries too (docs/watching.md). No text of an exception
is in any: it can quote what a client sent, a host or a password.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

Event = MutableMapping[str, Any]

OURS = "flowlatch."  # begins the names of our own loggers
FIRST = ("at", "level", "logger", "event")
LEFT_OUT = "..."


def configuration() -> dict[str, Any]:
    """Return the LOGGING setting, and send structlog's own loggers to the standard library."""
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
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
                "use_get_message": False,
                "pass_foreign_args": True,
                "foreign_pre_chain": [*shared, _foreign],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.ExceptionRenderer(_traceback_without_values),
                    _in_order,
                    structlog.processors.JSONRenderer(_json),
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


def catch_uncaught() -> None:
    """Log what ends a thread or the process unexpectedly, and warnings, as lines of our shape."""
    log = structlog.get_logger("flowlatch.process")

    def process_failed(kind: Any, error: Any, trace: Any) -> None:
        log.critical("process failed", error=kind.__name__, exc_info=(kind, error, trace))

    def thread_failed(failed: threading.ExceptHookArgs) -> None:
        found = (failed.exc_type, failed.exc_value, failed.exc_traceback)
        log.critical("thread failed", error=failed.exc_type.__name__, exc_info=found)

    def call_failed(failed: Any) -> None:
        found = (failed.exc_type, failed.exc_value, failed.exc_traceback)
        log.error("call failed", error=failed.exc_type.__name__, exc_info=found)

    sys.excepthook = process_failed
    threading.excepthook = thread_failed
    sys.unraisablehook = call_failed
    logging.captureWarnings(capture=True)


def _foreign(logger: Any, name: str, event: Event) -> Event:
    """Fill in the message of a line that structlog did not make.

    Another library may put an exception or what a client sent into it. So of such a message only
    the first line is logged, and of its values numbers and the names of exceptions.
    """
    args = event.pop("positional_args", ())
    text = str(event["event"])
    if str(event["logger"]).startswith(OURS):
        event["event"] = text % args if args else text
        return structlog.stdlib.ExtraAdder()(logger, name, event)
    errors = [type(each).__name__ for each in args if isinstance(each, BaseException)]
    exc_info = event.get("exc_info")
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        errors.append(exc_info[0].__name__)
    try:
        event["event"] = (text % tuple(map(_harmless, args)) if args else text).partition("\n")[0]
    except (TypeError, ValueError):
        event["event"] = text.partition("\n")[0]
    if errors:
        event["error"] = errors[0]
    return event


def _harmless(value: object) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    return value if isinstance(value, int | float) else LEFT_OUT


def _in_order(logger: Any, name: str, event: Event) -> Event:
    found = {each: event.pop(each) for each in FIRST if each in event}
    return {**found, **event}


def _json(event: Event, **_: Any) -> str:
    options = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(event, default=lambda value: type(value).__name__, option=options).decode()


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
