"""verify_audit: check the chains of the audit trail, and print their last links."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.audit import trail
from accounts.models import AuditHead, Team
from accounts.outages import NOT_STARTED, OUTAGES

INSTALLATION = "installation"


def link(text: str) -> tuple[int, str]:
    """Read a link such as `12:9e41...`, as the command and the page print it."""
    match = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", text)
    if match is None:
        raise ArgumentTypeError("write it as the command printed it, 12:9e41...")
    return int(match[1]), match[2]


class Command(BaseCommand):
    help = (
        "Checks every entry of the audit trail, of all teams and of the installation. Prints each "
        "chain's last link; note it elsewhere, and --noted shows later whether the end was cut. "
        "Exit status 1 if a chain does not hold."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--team", metavar="SLUG", help=f"one team, or {INSTALLATION!r}")
        parser.add_argument("--noted", type=link, metavar="LINK", help="a link printed before")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the chains, and print one line for each."""
        if options["noted"] and not options["team"]:
            raise CommandError("--noted needs --team: a link belongs to one chain.")
        try:
            broken = [self._check(*chain, options["noted"]) for chain in _chains(options["team"])]
        except OUTAGES:
            raise CommandError(NOT_STARTED) from None
        if any(broken):
            raise CommandError("The audit trail was changed behind Flowlatch's back.")

    def _check(self, chain_id: UUID, name: str, noted: tuple[int, str] | None) -> bool:
        chain = audit.check(chain_id)
        if chain.broken is not None:
            self.stdout.write(f"{name}: broken at entry {_named(chain.broken)}")
        elif noted is not None and not audit.holds(chain_id, *noted):
            self.stdout.write(f"{name}: broken, entry {noted[0]} is not the one that was noted")
            return True
        else:
            self.stdout.write(f"{name}: holds {chain.sequence}:{chain.mac}")
        return chain.broken is not None


def _chains(slug: str | None) -> list[tuple[UUID, str]]:
    slugs = dict(Team.objects.values_list("id", "slug")) | {audit.INSTALLATION: INSTALLATION}
    if slug is None:
        heads = AuditHead.objects.values_list("team_id", flat=True)
        found = {one: slugs.get(one, f"deleted team {one}") for one in [*slugs, *heads]}
        return sorted(found.items(), key=lambda item: item[1])
    chains = [(one, name) for one, name in slugs.items() if name == slug]
    if not chains:
        raise CommandError(f"There is no team {slug!r}.")
    return chains


def _named(broken: audit.Broken) -> str:
    if broken.event is None:
        return f"{broken.sequence}: {broken.why}"
    event = broken.event
    says = f"{event.at:%Y-%m-%d %H:%M:%S} UTC, {event.actor_name} {trail.what(event)}"
    return f"{broken.sequence}: {broken.why}. It says now: {says}"
