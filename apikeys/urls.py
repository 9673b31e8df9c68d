"""URLs of API keys, under `/t/<slug>/keys/`."""

from django.urls import path

from apikeys.views import key_page, keys

urlpatterns = [
    path("", keys.key_list, name="key_list"),
    path("new/", keys.key_new, name="key_new"),
    path("<uuid:key_id>/", key_page.key_page, name="key_page"),
    path("<uuid:key_id>/issue/", keys.key_issue, name="key_issue"),
    path("<uuid:key_id>/first-call/", keys.key_first_call, name="key_first_call"),
    path("<uuid:key_id>/disable/", keys.key_disable, name="key_disable"),
    path("<uuid:key_id>/enable/", keys.key_enable, name="key_enable"),
    path("<uuid:key_id>/delete/", keys.key_delete, name="key_delete"),
]
