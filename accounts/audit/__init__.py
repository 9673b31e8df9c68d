"""The audit trail: every change is recorded in the transaction that makes it."""

from accounts.audit.chain import (
    FIRST_MAC,
    INSTALLATION,
    Broken,
    Chain,
    Entry,
    Facts,
    Target,
    check,
    fault,
    holds,
    record,
    record_all,
    verify,
)

__all__ = [
    "FIRST_MAC",
    "INSTALLATION",
    "Broken",
    "Chain",
    "Entry",
    "Facts",
    "Target",
    "check",
    "fault",
    "holds",
    "record",
    "record_all",
    "verify",
]
