"""Signals that higher services and apps act on, inside the transaction of the change."""

from django.dispatch import Signal

# Sent with team, user, role (None: no member any more) and by, an Actor.
membership_changed = Signal()
# Sent with team, which has no member yet, and by, an Actor.
team_opened = Signal()
