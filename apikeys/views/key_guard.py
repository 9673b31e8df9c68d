"""The guard of a key's pages: it needs a permission, and a key of the team that is not deleted."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.guards import TeamRequest, View, team_view
from accounts.permissions import Permission
from apikeys.models import ApiKey, ApiKeyQuerySet

P = ParamSpec("P")


class KeyRequest(TeamRequest):
    """A request of a member on a key's page."""

    key: ApiKey


def key_view(
    permission: Permission, *, fresh_login: bool = False
) -> Callable[[Callable[Concatenate[KeyRequest, P], HttpResponseBase]], View]:
    """Guard a page under `/t/<slug>/keys/<key_id>/` as `team_view` does.

    An id of no key of the team is 404, and so is a key that somebody deletes meanwhile.
    """

    def guard(view: Callable[Concatenate[KeyRequest, P], HttpResponseBase]) -> View:
        def found(
            request: TeamRequest, /, key_id: UUID, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            of_key = cast(KeyRequest, request)
            of_key.key = get_key(request, key_id)
            try:
                return view(of_key, *args, **kwargs)
            except ApiKey.DoesNotExist:  # deleted between the look and the lock
                raise Http404 from None

        functools.update_wrapper(found, view)
        return team_view(permission, fresh_login=fresh_login)(found)

    return guard


def kept_keys(request: TeamRequest) -> ApiKeyQuerySet:
    """Return the keys of the request's team that are not deleted, by name."""
    kept = ApiKey.objects.of(request.team).kept().with_status()
    return kept.select_related("created_by", "contact").order_by("name_key")


def get_key(request: TeamRequest, key_id: UUID) -> ApiKey:
    """Return a key of the request's team, or raise 404."""
    return get_object_or_404(kept_keys(request), pk=key_id)
