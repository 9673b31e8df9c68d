"""Faults: what an operation raises in place of an answer. `config/openapi` answers each."""

from accounts.permissions import Permission


class Fault(Exception):
    """An operation that was not done. `code` names an entry of the catalogue of refusals."""

    code = ""

    def __init__(self, detail: str = "", field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class Missing(Fault):
    """Nothing of this id is there, or it is another team's. The answer is the same."""

    code = "no_such_thing"


class Invalid(Fault):
    """A field or parameter holds what can't be taken. `field` names it."""

    code = "invalid_fields"


class Conflict(Fault):
    """The present state does not allow the change."""

    code = "conflict"


class Changed(Fault):
    """The thing changed since the caller read it (`If-Match`)."""

    code = "precondition_failed"


class OldForm(Fault):
    """The address or body is of an older form. The detail says what to do instead."""

    code = "bad_request"


class Lacking(Exception):
    """The key lacks the scope that this thing asks for, beside that of the operation."""

    def __init__(self, scope: Permission) -> None:
        super().__init__(scope)
        self.scope = scope
