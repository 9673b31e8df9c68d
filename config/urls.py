"""The URLs of all pages. The gate's own table (chatflows/gate/routes.py) is asked before them."""

from django.conf import settings
from django.urls import include, path

from accounts.urls import debug_urlpatterns, operator_urlpatterns, team_urlpatterns
from apikeys.holders.urls import urlpatterns as holder_urlpatterns
from apikeys.leaks.views import leaked_key
from apikeys.urls import contact_urlpatterns, link_urlpatterns, policy_urlpatterns
from chatflows.urls import (
    flow_app_urlpatterns,
    flow_urlpatterns,
    set_up_urlpatterns,
)
from config.delivery import addresses
from config.guides import views as guides
from config.openapi import api, checks, views  # noqa: F401 (the checks register themselves)

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.broken"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include(set_up_urlpatterns)),
    path("t/<slug:slug>/", include(team_urlpatterns)),
    path("flow/<slug:slug>/", include(flow_urlpatterns)),
    path("t/<slug:slug>/settings/flow-app/", include(flow_app_urlpatterns)),
    path("t/<slug:slug>/settings/keys/", include(policy_urlpatterns)),
    path("operator/teams/", include(operator_urlpatterns)),
    path("", include(holder_urlpatterns)),
    path("key-link/", include(link_urlpatterns)),
    path("key-contact/", include(contact_urlpatterns)),
    path("t/<slug:slug>/keys/", include("apikeys.urls")),
    path("t/<slug:slug>/chatflows/", include("chatflows.urls")),
    path("t/<slug:slug>/developer/", views.developer_page, name="developer"),
    path("leaked-key/", leaked_key, name="leaked_key"),
    path("api/openapi.json", views.openapi, name="openapi"),
    path("api/docs", views.viewer, name="api_viewer"),
    path("docs/", guides.guide_list, name="guide_list"),
    path("docs/<slug:name>/", guides.guide, name="guide"),
    path("favicon.ico", addresses.favicon, name="favicon"),
    path("robots.txt", addresses.robots, name="robots"),
    path("llms.txt", views.llms, name="llms"),
    path("api/v1/chatflows/apikey/<path:anything>", views.key_in_path, name="key_in_path"),
    path("api/v1/", include(api.urls())),
]
if settings.DEBUG:
    urlpatterns.append(path("dev/", include(debug_urlpatterns)))
