"""Chatflows as resources: what the pages of API keys need to know of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, F, Min, OuterRef, Window
from django.db.models.functions import RowNumber
from django.urls import reverse

from accounts.models import Team
from accounts.models.names import fold
from accounts.network import addresses
from accounts.permissions import Actor
from apikeys.credentials import Credential
from apikeys.models import ApiKey
from apikeys.resources import (
    Change,
    Choice,
    Choices,
    Day,
    FirstCall,
    Named,
    Opened,
    Resource,
    SecretUse,
    SeenOrigin,
    Taken,
)
from chatflows import snippets
from chatflows.access import advice, decisions
from chatflows.access.decisions import RequestFacts
from chatflows.calls import store, usage
from chatflows.models import AccessMode, Call, Chatflow, Selection
from chatflows.predictions import running
from chatflows.services import chatflows, examples
from chatflows.snippets import Snippet

MOST_NAMED = 100  # chatflows whose keys one search finds
NOBODY = UUID(int=0)


class ChatflowResources:
    """Implements `apikeys.resources.Resources`."""

    def first(self, team: Team, count: int, find: str = "") -> list[Resource]:
        """Return the first chatflows of a team, by name, that have `find` in their names."""
        named = Chatflow.objects.of(team).order_by("name_key").select_related("team")
        if find:
            named = named.filter(name_key__contains=fold(find))
        return [_resource(chatflow) for chatflow in named[:count]]

    def by_ids(self, team: Team, ids: Sequence[UUID]) -> list[Resource]:
        """Return those of these chatflows that the team has, by name."""
        found = Chatflow.objects.of(team).filter(id__in=list(ids)).order_by("name_key")
        return [_resource(chatflow) for chatflow in found.select_related("team")]

    def of_keys(self, keys: Iterable[ApiKey]) -> Mapping[UUID, list[Resource]]:
        """Return the chatflows that each key is selected for, and whether they close without it."""
        ids = {key.id: key.is_usable for key in keys}
        opened: defaultdict[UUID, list[Resource]] = defaultdict(list)
        if not ids:
            return opened
        others = ApiKey.objects.usable().filter(selections__chatflow=OuterRef("chatflow"))
        rows = (  # without models: a key can open ten thousand chatflows
            Selection.objects.filter(key__in=ids)
            .annotate(has_other=Exists(others.exclude(pk=OuterRef("key"))))
            .order_by("chatflow__name_key")
            .values_list(
                *("key_id", "chatflow_id", "chatflow__name", "chatflow__access_mode"),
                *("chatflow__team__slug", "has_other"),
            )
        )
        for key_id, chatflow_id, name, mode, slug, has_other in rows:
            closes = ids[key_id] and not has_other and mode == AccessMode.KEYS
            url = _page_of(slug) % chatflow_id
            opened[key_id].append(Resource(chatflow_id, name, url, mode, would_close=closes))
        return opened

    def named(self, keys: Iterable[ApiKey], most: int | None) -> Mapping[UUID, Named]:
        """Return what each key opens, at most so many of each. One that opens none is missing."""
        of_key = F("key_id")
        rows = Selection.objects.filter(key__in=[key.id for key in keys]).annotate(
            place=Window(RowNumber(), partition_by=of_key, order_by="chatflow__name_key"),
            count=Window(Count("pk"), partition_by=of_key),
        )
        rows = rows if most is None else rows.filter(place__lte=most)
        found: dict[UUID, Named] = {}
        for key_id, chatflow_id, name, count in rows.order_by("key_id", "place").values_list(
            "key_id", "chatflow_id", "chatflow__name", "count"
        ):
            found.setdefault(key_id, Named([], count)).first.append((chatflow_id, name))
        return found

    def opened_by(self, keys: Iterable[ApiKey]) -> Mapping[UUID, Opened]:
        """Return how many chatflows each key is selected for. One that opens none is missing."""
        of_keys = Selection.objects.filter(key__in=[key.id for key in keys]).values("key_id")
        counts = of_keys.annotate(count=Count("pk"), first=Min("chatflow__name"))
        return {row["key_id"]: Opened(row["count"], row["first"]) for row in counts.order_by()}

    def keys_opening(self, team: Team, find: str, count: int) -> Iterable[UUID]:
        """Return at most `count` ids of keys that open a chatflow with `find` in its name."""
        named = Chatflow.objects.of(team).filter(name_key__contains=fold(find))
        ids = [*named.values_list("pk", flat=True)[:MOST_NAMED]]
        opened = Selection.objects.filter(chatflow__in=ids, key__deleted_at=None)
        return [*opened.values_list("key_id", flat=True).distinct()[:count]] if ids else []

    def opened_ids(self, key_ids: Sequence[UUID]) -> Iterable[tuple[UUID, UUID]]:
        """Return a pair of ids, key and chatflow, for each selection of one of the keys."""
        return Selection.objects.filter(key__in=key_ids).values_list("key_id", "chatflow_id")

    def closed_without(self, keys: Iterable[ApiKey]) -> list[Resource]:
        """Return the chatflows in mode *keys* that only these keys open."""
        ids = [key.id for key in keys if key.is_usable]
        others = ApiKey.objects.usable().filter(selections__chatflow=OuterRef("pk"))
        mine = Selection.objects.filter(chatflow=OuterRef("pk"), key__in=ids)
        found = Chatflow.objects.filter(
            Exists(mine), ~Exists(others.exclude(pk__in=ids)), access_mode=AccessMode.KEYS
        )
        named = found.select_related("team").order_by("name_key")
        return [_resource(chatflow, would_close=True) for chatflow in named] if ids else []

    def hold(self, team: Team, resource_ids: Sequence[UUID]) -> None:
        """Lock these chatflows of a team, in the transaction of the caller."""
        chatflows.hold(team, resource_ids)

    def open(self, key: ApiKey, resource_ids: Sequence[UUID], by: Actor) -> None:
        """Select a key for these chatflows of its team."""
        chatflows.select(key, resource_ids, by)

    def open_only(self, key: ApiKey, resource_id: UUID, by: Actor) -> None:
        """Select a key for one chatflow of its team and for no other."""
        chatflows.select_only(key, resource_id, by)

    def choices(self, key: ApiKey, find: str, count: int) -> Choices:
        """Return at most `count` selected and `count` other chatflows whose name has `find`."""
        of_team = Chatflow.objects.of(key.team)
        selected = of_team.filter(selections__key=key)
        others = of_team.exclude(Exists(Selection.objects.filter(chatflow=OuterRef("pk"), key=key)))
        total, names = of_team.count(), selected.order_by("name_key").values_list("name", flat=True)
        selected_names = list(names)
        if find:
            selected = selected.filter(name__icontains=find)
            others = others.filter(name__icontains=find)
        shown = [
            list(each.select_related("team").order_by("name_key")[: count + 1])
            for each in (selected, others)
        ]
        today = usage.let_in_today(key)
        return Choices(
            selected=[Choice(_resource(c), True, today.get(c.id, 0)) for c in shown[0][:count]],
            others=[Choice(_resource(c), False, today.get(c.id, 0)) for c in shown[1][:count]],
            selected_names=selected_names,
            total=total,
            has_more=any(len(each) > count for each in shown),
        )

    def choose(self, key: ApiKey, add: Set[UUID], remove: Set[UUID], by: Actor) -> Change:
        """Select the key for some chatflows of its team, and no longer for others."""
        return Change(*chatflows.choose(key, add, remove, by))

    def first_call(self, key: ApiKey) -> FirstCall | None:
        """Return the first call with the key's newest secret, or None if there was none."""
        secret = key.secret
        call = store.first_with(key, secret) if secret else None
        if call is None:
            return None
        chatflow = Chatflow.objects.of(key.team).filter(id=call.chatflow_id).first()
        return FirstCall(
            allowed=call.allowed,
            status=call.status,
            code=call.code,
            reason_words=call.reason_words,
            at=call.at,
            chatflow_name=chatflow.name if chatflow else "an unknown chatflow",
            client_address=call.client_address,
            duration_ms=call.duration_ms,
        )

    def calls_since(self, key: ApiKey, days: int) -> int:
        """Return how many calls the key made in the last days."""
        return usage.calls_of_key(key, days)

    def calls_of_team(self, team: Team, days: int) -> int:
        """Return how many calls came to a team in the last days, with a key or without."""
        return usage.calls_of_team(team, days)

    def days(self, keys: Iterable[ApiKey], days: int) -> Mapping[UUID, Sequence[Day]]:
        """Return the calls of each key in the last days, every day once, the oldest first."""
        found: dict[UUID, Sequence[Day]] = {}
        for team, ids in _by_team(keys).items():
            found.update(usage.days_of_keys(team, ids, days))
        return found

    def uses_of_secrets(self, key: ApiKey, days: int) -> Mapping[str, SecretUse]:
        """Return how the key's secrets were used in the last days, by their public ids."""
        return usage.uses_of_secrets(key, days)

    def hours_of_secrets(self, key: ApiKey, hours: int) -> Mapping[str, Sequence[int]]:
        """Return the calls let in with each secret in each of the last hours, the oldest first."""
        return usage.hours_of_secrets(key, hours)

    def last_uses(self, key: ApiKey) -> Mapping[str, datetime]:
        """Return when a call was last let in with each secret; one without any is missing."""
        return usage.last_uses(key)

    def seen_origins(self, key: ApiKey, days: int) -> Sequence[SeenOrigin]:
        """Return the origins that calls with the key came from, the most frequent first."""
        return usage.seen_origins(key, days)

    def origins_of_keys(
        self, keys: Iterable[ApiKey], days: int
    ) -> Mapping[UUID, Sequence[SeenOrigin]]:
        """Return the origins that calls with each key came from, as `seen_origins`."""
        found: dict[UUID, Sequence[SeenOrigin]] = {}
        for team, ids in _by_team(keys).items():
            found.update(usage.origins_of_keys(team, ids, days))
        return found

    def last_calls(self, key: ApiKey, count: int) -> Sequence[Call]:
        """Return the key's newest calls, with `chatflow_name` for pages."""
        of_key = Call.objects.of(key.team).filter(key_id=key.id).with_key_kinds()
        calls = list(of_key.order_by("-at")[:count])
        ids = {call.chatflow_id for call in calls}
        names = dict(Chatflow.objects.of(key.team).filter(id__in=ids).values_list("id", "name"))
        for call in calls:
            call.chatflow_name = names.get(call.chatflow_id, "an unknown chatflow")  # type: ignore[attr-defined]
        return calls

    def taken(self, key: ApiKey) -> Taken:
        """Return what the key took of its limits so far."""
        day, month = usage.counts_of(key.id, key.team)
        return Taken(
            minute=usage.minute_of_key(key),
            streams=running.registry.count(str(key.id)),
            day=day.calls,
            month=month.calls,
            tokens=month.tokens,
            cost=month.cost,
            reserved_tokens=month.reserved_tokens,
            reserved_cost=month.reserved_cost,
        )

    def advice(self, code: str) -> str:
        """Return what a caller can do about a refusal with this code."""
        return advice.of(code)

    def is_within_bounds(
        self, credential: Credential, origins: tuple[str, ...], address: str
    ) -> bool:
        """Whether a key is good and comes from where it may, by the rule of the gate."""
        facts = RequestFacts(origins=origins, address=addresses.parse(address))
        return decisions.is_within_bounds(credential, facts)

    def snippets(self, resource: Resource) -> list[Snippet]:
        """Return code that calls a chatflow, in several languages."""
        return snippets.whole(settings.PUBLIC_URL, resource.id, examples.question_of(resource.id))

    def page_snippets(self, resource: Resource, key_text: str) -> list[Snippet]:
        """Return code that calls a chatflow from a web page, with a publishable key's text."""
        return snippets.in_page(
            settings.PUBLIC_URL, resource.id, key_text, examples.question_of(resource.id)
        )


def _by_team(keys: Iterable[ApiKey]) -> Mapping[Team, Sequence[UUID]]:
    of_team: defaultdict[Team, list[UUID]] = defaultdict(list)
    for key in keys:
        of_team[key.team].append(key.id)
    return of_team


def _resource(chatflow: Chatflow, *, would_close: bool = False) -> Resource:
    return Resource(
        id=chatflow.id,
        name=chatflow.name,
        url=_page_of(chatflow.team.slug) % chatflow.id,
        mode=chatflow.access_mode,
        would_close=would_close,
    )


@lru_cache(maxsize=64)  # a key can open ten thousand chatflows, and to reverse a URL takes 20 us
def _page_of(slug: str) -> str:
    return reverse("chatflow_access", args=[slug, NOBODY]).replace(str(NOBODY), "%s")
