"""URLs of API keys, under `/t/<slug>/keys/`."""

from django.urls import path

from apikeys.views import key_page, keys, rotation

urlpatterns = [
    path("", keys.key_list, name="key_list"),
    path("new/", keys.key_new, name="key_new"),
    path("<uuid:key_id>/", key_page.key_page, name="key_page"),
    path("<uuid:key_id>/rotate/", rotation.key_rotate, name="key_rotate"),
    path("<uuid:key_id>/retire/", rotation.key_retire, name="key_retire"),
    path("<uuid:key_id>/overlap/", rotation.key_overlap, name="key_overlap"),
    path("<uuid:key_id>/revoke/", rotation.key_revoke, name="key_revoke"),
    path("<uuid:key_id>/issue/", keys.key_issue, name="key_issue"),
    path("<uuid:key_id>/first-call/", keys.key_first_call, name="key_first_call"),
    path("<uuid:key_id>/disable/", keys.key_disable, name="key_disable"),
    path("<uuid:key_id>/enable/", keys.key_enable, name="key_enable"),
    path("<uuid:key_id>/delete/", keys.key_delete, name="key_delete"),
]
