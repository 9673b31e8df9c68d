"""What is raised where a part that a decision needs is gone."""


class Unavailable(Exception):
    """A part that a decision needs is gone. Answer 503: never let in, never refuse for good."""
