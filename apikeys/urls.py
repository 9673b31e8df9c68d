"""URLs of API keys."""

from django.urls import path

from apikeys.holders import links
from apikeys.views import (
    disabling,
    expiry,
    key_contacts,
    key_edits,
    key_list,
    key_page,
    key_search,
    key_stop,
    keys,
    new_key,
    policies,
    publishable,
    rotation,
)

# Under `/t/<slug>/keys/`.
urlpatterns = [
    path("", key_list.key_list, name="key_list"),
    path("search/", key_search.key_search, name="key_search"),
    path("disable/", key_list.keys_disable, name="keys_disable"),
    path("enable/", key_list.keys_enable, name="keys_enable"),
    path("new/find/", key_search.key_new_find, name="key_new_find"),
    path("new/", new_key.key_new, name="key_new"),
    path("<uuid:key_id>/", key_page.key_page, name="key_page"),
    path("<uuid:key_id>/find/", key_search.key_find, name="key_find"),
    path("<uuid:key_id>/rotate/", rotation.key_rotate, name="key_rotate"),
    path("<uuid:key_id>/hand-over/", links.key_hand_over, name="key_hand_over"),
    path("<uuid:key_id>/hand-over/end/", links.key_hand_over_end, name="key_hand_over_end"),
    path("<uuid:key_id>/retire/", rotation.key_retire, name="key_retire"),
    path("<uuid:key_id>/overlap/", rotation.key_overlap, name="key_overlap"),
    path("<uuid:key_id>/extend/", expiry.key_extend, name="key_extend"),
    path("<uuid:key_id>/issue/", keys.key_issue, name="key_issue"),
    path("<uuid:key_id>/first-call/", keys.key_first_call, name="key_first_call"),
    path("<uuid:key_id>/disable/", disabling.key_disable, name="key_disable"),
    path("<uuid:key_id>/enable/", disabling.key_enable, name="key_enable"),
    path("<uuid:key_id>/delete/", keys.key_delete, name="key_delete"),
    path("<uuid:key_id>/revoke/", key_stop.key_revoke, name="key_revoke"),
    path("<uuid:key_id>/edit/", key_edits.key_edit_details, name="key_edit_details"),
    path("<uuid:key_id>/limits/", key_edits.key_edit_limits, name="key_edit_limits"),
    path("<uuid:key_id>/where-from/", key_edits.key_edit_where, name="key_edit_where"),
    path("<uuid:key_id>/scopes/", key_edits.key_edit_scopes, name="key_edit_scopes"),
    path("<uuid:key_id>/chatflows/", key_edits.key_chatflows, name="key_chatflows"),
    path("<uuid:key_id>/origins/add/", publishable.key_add_origin, name="key_add_origin"),
    path("<uuid:key_id>/origins/remove/", publishable.key_remove_origin, name="key_remove_origin"),
    path("<uuid:key_id>/pin/", publishable.key_pin, name="key_pin"),
    path(
        "<uuid:key_id>/contact/resend/",
        key_contacts.key_contact_resend,
        name="key_contact_resend",
    ),
]
# Under `/t/<slug>/settings/keys/`.
policy_urlpatterns = [
    path("", policies.key_policy, name="key_policy"),
    path("preview/", policies.key_policy_preview, name="key_policy_preview"),
]
# Under `/key-link/`.
link_urlpatterns = [
    path("", links.key_link_open, name="key_link_open"),
    path("<str:token>/", links.key_link, name="key_link"),
]
# Under `/key-contact/`.
contact_urlpatterns = [
    path("", key_contacts.key_contact_confirm, name="key_contact_confirm"),
    path("<str:token>/", key_contacts.key_contact_link, name="key_contact_link"),
]
