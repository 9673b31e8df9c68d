"""Faults: what an operation raises in place of an answer. `config/openapi` answers each."""

from accounts.permissions import Permission


class Fault(Exception):
    """An operation that was not done. `config/openapi/problems.py` has the code of each kind."""

    def __init__(self, detail: str = "", field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class Missing(Fault):
    """Nothing of this id is there, or it is another team's. The answer is the same."""


class Invalid(Fault):
    """A field or parameter holds what can't be taken. `field` names it."""


class Conflict(Fault):
    """The present state does not allow the change."""


class Changed(Fault):
    """The thing changed since the caller read it (`If-Match`)."""


class OldForm(Fault):
    """The address or body is of an older form. The detail says what to do instead."""


class Lacking(Exception):
    """The key lacks the scope that this thing asks for, beside that of the operation."""

    def __init__(self, scope: Permission) -> None:
        super().__init__(scope)
        self.scope = scope
