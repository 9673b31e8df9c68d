"""URLs of accounts: allauth's are listed one by one, so that nothing of it is open unasked."""

from django.urls import path

from accounts.views import audit, password_resets, sessions

urlpatterns = [
    path("", sessions.home, name="home"),
    path("login/", sessions.login, name="account_login"),
    path("logout/", sessions.logout, name="account_logout"),
    path("forgotten-password/", password_resets.forgotten_password, name="forgotten_password"),
    path("password-reset/", password_resets.password_reset, name="password_reset"),
    path(
        "password-reset/<str:token>/",
        password_resets.password_reset_link,
        name="password_reset_link",
    ),
    path("reauthenticate/", sessions.reauthenticate, name="account_reauthenticate"),
]
# Under `/t/<slug>/`.
team_urlpatterns = [
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/verify/", audit.audit_verify, name="audit_verify"),
    path("audit/csv/", audit.audit_export, {"form": "csv"}, name="audit_csv"),
    path("audit/jsonl/", audit.audit_export, {"form": "jsonl"}, name="audit_jsonl"),
]
