"""The audit trail: every change is recorded in the transaction that makes it."""

from accounts.audit.chain import (
    INSTALLATION,
    Broken,
    Chain,
    Entry,
    Facts,
    Link,
    Target,
    check,
    fault,
    holds,
    record,
    record_all,
    verify,
)

__all__ = [
    "INSTALLATION",
    "Broken",
    "Chain",
    "Entry",
    "Facts",
    "Link",
    "Target",
    "check",
    "fault",
    "holds",
    "record",
    "record_all",
    "verify",
]
