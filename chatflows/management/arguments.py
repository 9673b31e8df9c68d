"""Arguments: what several commands read alike."""

from django.core.management.base import CommandError

from accounts.models import Team


def team(slug: str) -> Team:
    """Return the team of a slug. Raises CommandError that names those that there are."""
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Team.objects.order_by("slug").values_list("slug", flat=True))
        raise CommandError(f"There is no team {slug!r}. Teams: {known or 'none yet'}.")
    return found
