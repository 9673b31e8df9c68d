"""URLs of chatflows, under `/t/<slug>/chatflows/`, of the flow app, and of set-up."""

from django.urls import path

from chatflows.views import (
    access,
    calls,
    chatflows,
    engines,
    faq_entries,
    faq_imports,
    flow_app,
    hosted_chats,
    playground,
    set_up,
    unanswered,
    visits,
)

set_up_urlpatterns = [
    path("set-up/", set_up.set_up, name="set_up"),
    path("set-up/<str:token>/", set_up.set_up_link, name="set_up_link"),
]
# Under `/flow/<slug>/`, for visitors, whose session opens nothing else.
flow_urlpatterns = [
    path("", visits.flow_home, name="flow_home"),
    path("login/", visits.flow_login, name="flow_login"),
    path("logout/", visits.flow_logout, name="flow_logout"),
    path("<uuid:chatflow_id>/", hosted_chats.hosted_chat, name="hosted_chat"),
    path("<uuid:chatflow_id>/stream/", hosted_chats.hosted_chat_stream, name="hosted_chat_stream"),
]
# Under `/t/<slug>/settings/flow-app/`.
flow_app_urlpatterns = [
    path("", flow_app.flow_app, name="flow_app"),
    path("edit/", flow_app.flow_app_edit, name="flow_app_edit"),
]
_ONE = "<uuid:chatflow_id>/"
urlpatterns = [
    path("", chatflows.chatflow_list, name="chatflow_list"),
    path("new/", chatflows.chatflow_new, name="chatflow_new"),
    path(_ONE, access.chatflow_access, name="chatflow_access"),
    path(_ONE + "access/", access.chatflow_access_save, name="chatflow_access_save"),
    path(_ONE + "access/keys/", access.chatflow_access_keys, name="chatflow_access_keys"),
    path(_ONE + "calls/", calls.chatflow_calls, name="chatflow_calls"),
    path(_ONE + "calls/all/", calls.chatflow_call_list, name="chatflow_call_list"),
    path(_ONE + "engine/", engines.chatflow_engine, name="chatflow_engine"),
    path(_ONE + "engine/save/", engines.engine_save, name="engine_save"),
    path(_ONE + "engine/test/", engines.engine_test, name="engine_test"),
    path(_ONE + "engine/models/", engines.engine_models, name="engine_models"),
    path(_ONE + "engine/entries/", faq_entries.faq_entry_add, name="faq_entry_add"),
    path(
        _ONE + "engine/entries/<int:entry_id>/",
        faq_entries.faq_entry_update,
        name="faq_entry_update",
    ),
    path(
        _ONE + "engine/entries/<int:entry_id>/delete/",
        faq_entries.faq_entry_delete,
        name="faq_entry_delete",
    ),
    path(
        _ONE + "engine/entries/<int:entry_id>/restore/",
        faq_entries.faq_entry_restore,
        name="faq_entry_restore",
    ),
    path(_ONE + "engine/fallback/", faq_entries.faq_fallback_save, name="faq_fallback_save"),
    path(_ONE + "engine/import/", faq_imports.faq_import, name="faq_import"),
    path(_ONE + "engine/import/save/", faq_imports.faq_import_save, name="faq_import_save"),
    path(_ONE + "engine/export/", faq_imports.faq_export, name="faq_export"),
    path(
        _ONE + "engine/unanswered/<int:question_id>/dismiss/",
        unanswered.unanswered_dismiss,
        name="unanswered_dismiss",
    ),
    path(
        _ONE + "engine/unanswered/<int:question_id>/restore/",
        unanswered.unanswered_restore,
        name="unanswered_restore",
    ),
    path(_ONE + "try/", playground.chatflow_try, name="chatflow_try"),
    path(_ONE + "try/stream/", playground.chatflow_try_stream, name="chatflow_try_stream"),
    path(_ONE + "use/", chatflows.chatflow_use, name="chatflow_use"),
    path(_ONE + "use/postman/", chatflows.chatflow_postman, name="chatflow_postman"),
    path(_ONE + "settings/", chatflows.chatflow_settings, name="chatflow_settings"),
    path(_ONE + "settings/hosted-chat/", flow_app.hosted_chat_save, name="hosted_chat_save"),
    path(_ONE + "delete/", chatflows.chatflow_delete, name="chatflow_delete"),
]
