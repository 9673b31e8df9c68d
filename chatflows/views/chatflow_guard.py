"""The guard of a chatflow's pages: it needs a permission, and a chatflow of the team."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.guards import TeamRequest, View, team_view
from accounts.permissions import Permission
from chatflows.models import Chatflow
from chatflows.permissions import of_type

P = ParamSpec("P")


class ChatflowRequest(TeamRequest):
    """A request of a member on a chatflow's page."""

    chatflow: Chatflow


def chatflow_view(
    permission: Permission,
) -> Callable[[Callable[Concatenate[ChatflowRequest, P], HttpResponseBase]], View]:
    """Guard a page under `/t/<slug>/chatflows/<chatflow_id>/` as `team_view` does.

    An id of no chatflow of the team is 404. For an agentflow `agentflows:` is asked too.
    """

    def guard(view: Callable[Concatenate[ChatflowRequest, P], HttpResponseBase]) -> View:
        def found(
            request: TeamRequest, /, chatflow_id: UUID, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            of_chatflow = cast(ChatflowRequest, request)
            of_chatflow.chatflow = get_chatflow(request, chatflow_id)
            needed = of_type(permission, of_chatflow.chatflow)
            if not request.principal.may_do(needed):
                raise PermissionDenied(needed)
            return view(of_chatflow, *args, **kwargs)

        functools.update_wrapper(found, view)
        return team_view(permission)(found)

    return guard


def get_chatflow(request: TeamRequest, chatflow_id: UUID) -> Chatflow:
    """Return a chatflow of the request's team with its count of usable keys, or raise 404."""
    mine = Chatflow.objects.of(request.team).select_related("team").with_usable_keys()
    return get_object_or_404(mine, pk=chatflow_id)
