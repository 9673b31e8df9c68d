"""Teams: open one, name it, add an owner, suspend it, delete it."""

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts import audit
from accounts.models import Membership, Role, Team, User, names
from accounts.permissions import Actor
from accounts.services import invitations, versions
from accounts.services.invitations import Sent
from accounts.signals import team_opened

DEFAULT_NAME = "My team"
SLUG_LENGTH = 40


def check_name(name: str) -> None:
    """Raise ValidationError for a name that no team may have."""
    names.check(name, Team._meta.get_field("name").max_length or 0)


@transaction.atomic
def create(name: str, by: Actor) -> Team:
    """Make a bare team with a free slug made from its name. Raises ValidationError for the name."""
    check_name(name)
    team = Team.objects.create(name=name, slug=free_slug(name))
    audit.record(team.id, "team.create", by, _target(team), after=_facts(team))
    return team


@transaction.atomic
def open_new(name: str, by: Actor) -> Team:
    """Make a team with all that a new one has; other apps add theirs when they hear of it."""
    team = create(name, by)
    team_opened.send(Team, team=team, by=by)
    return team


@transaction.atomic
def open_with_owner(name: str, owner: User, by: Actor) -> Team:
    """Make a team with its owner. Both audit chains note it."""
    team = open_new(name, by)
    _note_opening(team, owner.username, by)
    add_owner(team, owner, by)
    return team


@transaction.atomic
def open_and_invite(name: str, address: str, by: Actor) -> Sent:
    """Make a team for an owner who has no account yet: it waits for whoever gets the link.

    Raises what `invitations.invite_first_owner` does.
    """
    team = open_new(name, by)
    _note_opening(team, address, by)
    return invitations.invite_first_owner(team, address, by)


@transaction.atomic
def rename_with_slug(team: Team, name: str, by: Actor) -> None:
    """Give a team another name and a slug to match, before anyone uses its addresses.

    Raises ValidationError for the name.
    """
    if team.name == name:
        return
    check_name(name)
    before = _facts(team)
    team.name, team.slug = name, free_slug(name, of=team)
    team.save(update_fields=["name", "slug"])
    audit.record(team.id, "team.rename", by, _target(team), before=before, after=_facts(team))


@transaction.atomic
def add_owner(team: Team, user: User, by: Actor) -> Membership:
    """Make a person an owner of a team."""
    membership = Membership.objects.create(team=team, user=user, role=Role.OWNER)
    audit.record(
        team.id,
        "membership.create",
        by,
        audit.Target("membership", str(membership.pk), user.username),
        after={"role": Role.OWNER.value},
    )
    return membership


def version_of(team: Team) -> str:
    """Return the version of the name."""
    return versions.of(_facts(team))


@transaction.atomic
def change_name(team: Team, name: str, by: Actor, *, version: str | None = None) -> None:
    """Give a team another name. Its slug and addresses stay. Both audit chains note it.

    Raises Stale if `version` is an older one, and ValidationError for the name.
    """
    before = _facts(Team.objects.select_for_update(no_key=True).get(pk=team.pk))
    versions.check(version, before)
    if before["name"] == name:
        return
    check_name(name)
    team.name = name
    team.save(update_fields=["name"])
    _note(team, "team.rename", by, before=before, after=_facts(team))


@transaction.atomic
def suspend(team: Team, by: Actor) -> None:
    """Close the team's pages to its members and refuse its keys from the next call on."""
    if team.suspended_at is None:
        team.suspended_at = timezone.now()
        team.save(update_fields=["suspended_at"])
        _note(team, "team.suspend", by)


@transaction.atomic
def unsuspend(team: Team, by: Actor) -> None:
    """Open the team's pages and let its keys work again."""
    if team.suspended_at is not None:
        team.suspended_at = None
        team.save(update_fields=["suspended_at"])
        _note(team, "team.unsuspend", by)


@transaction.atomic
def delete(team: Team, by: Actor) -> None:
    """Delete the team and everything of it for good, except its audit trail."""
    id_, facts = team.id, _facts(team)
    _note(team, "team.delete", by, before=facts)
    Team.objects.filter(pk=id_).delete()


def _note_opening(team: Team, owner: str, by: Actor) -> None:
    # In the installation's chain alone: `create` wrote the team's own.
    after = {**_facts(team), "owner": owner}
    audit.record(audit.INSTALLATION, "team.create", by, _target(team), after=after)


def _note(
    team: Team,
    action: str,
    by: Actor,
    *,
    before: audit.Facts | None = None,
    after: audit.Facts | None = None,
) -> None:
    # In both chains: the installation's is the one that can be read once the team is gone.
    for chain in (audit.INSTALLATION, team.id):
        audit.record(chain, action, by, _target(team), before=before, after=after)


def free_slug(name: str, of: Team | None = None) -> str:
    """Return the name as a slug, with a number behind it if another team than `of` has that one."""
    others = Team.objects.exclude(pk=of.pk) if of else Team.objects.all()
    base = slugify(name)[:SLUG_LENGTH].strip("-") or "team"
    slug, number = base, 1
    while others.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug


def _target(team: Team) -> audit.Target:
    return audit.Target("team", str(team.id), team.name)


def _facts(team: Team) -> dict[str, object]:
    return {"name": team.name, "slug": team.slug}
