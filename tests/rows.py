"""A thousand rows in every list, by bulk inserts: for tests of sizes and for a look at pages."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import Invitation, Mail, Membership, Role, ServiceAccount, Team, User
from accounts.models.names import fold
from tests.bench import many

ENVIRONMENTS = ("production", "staging", "development")


def fill(team: Team, count: int) -> None:
    """Give a team, and the installation, so many of each row."""
    many.fill(team, count, count)
    people = User.objects.bulk_create(_people(count))
    now = timezone.now()
    roles = [Role.VIEWER, Role.EDITOR, Role.ADMIN]
    Membership.objects.bulk_create(
        Membership(team=team, user=person, role=roles[n % 3]) for n, person in enumerate(people)
    )
    ServiceAccount.objects.bulk_create(_account(team, n, people[n]) for n in range(count))
    Invitation.objects.bulk_create(
        Invitation(
            team=team,
            email=f"guest-{n}@partner.example",
            email_key=f"guest-{n}@partner.example",
            role=roles[n % 3],
            invited_by=people[n],
            link_made_at=now - timedelta(days=3, minutes=n),
            expires_at=now + timedelta(days=n % 6 - 1),
        )
        for n in range(count)
    )
    Mail.objects.bulk_create(_mail(owner, n) for owner in (team, None) for n in range(count))
    Team.objects.bulk_create(Team(name=f"Team {n}", slug=f"team-{n}") for n in range(count))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _people(count: int) -> list[User]:
    now = timezone.now()
    return [
        User(
            username=f"person-{n:04}",
            email=f"person-{n:04}@acme.example",
            last_login=None if n % 4 == 0 else now - timedelta(hours=n),
        )
        for n in range(count)
    ]


def _account(team: Team, n: int, contact: User) -> ServiceAccount:
    name = f"sync-{n:04}"
    return ServiceAccount(
        team=team,
        name=name,
        name_key=fold(name),
        environment=ENVIRONMENTS[n % 3],
        description="Copies tickets into the warehouse every night" if n % 2 else "",
        owner=None if n % 10 == 0 else contact,
        disabled_at=timezone.now() if n % 7 == 0 else None,
    )


def _mail(team: Team | None, n: int) -> Mail:
    now = timezone.now()
    is_failed = n % 9 == 0
    return Mail(
        team=team,
        kind="invitation" if team else "password_reset",
        recipient=f"guest-{n}@partner.example",
        subject="An invitation",
        key_version=1,
        give_up_at=now + timedelta(days=1),
        attempts=n % 5 + 1,
        sent_at=None if is_failed else now,
        failed_at=now if is_failed else None,
        last_error="The mail server refused the address: 550 no such user here"
        if is_failed
        else "",
    )
