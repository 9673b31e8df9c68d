"""URLs of accounts. allauth's are listed one by one, so that none is open by accident."""

from django.urls import URLPattern, URLResolver, include, path

from accounts.views import (
    audit,
    emails,
    first_pages,
    invitations,
    joining,
    mails,
    members,
    off_boarding,
    password_resets,
    profile,
    service_accounts,
    sessions,
    team_settings,
    teams,
)

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
    path("profile/", profile.profile, name="profile"),
    path("profile/account/", profile.account, name="account"),
    path("new-email/", emails.email_confirm, name="email_confirm"),
    path("new-email/<str:token>/", emails.email_link, name="email_link"),
    path("profile/password/", profile.change_password, name="change_password"),
    path("profile/sessions/<str:digest>/end/", profile.session_end, name="session_end"),
    path("profile/sessions/end-others/", profile.session_end_others, name="session_end_others"),
    path("operator/", first_pages.operator_home, name="operator_home"),
    path("operator/mail/", mails.operator_mail_list, name="operator_mail_list"),
    path("operator/mail/test/", mails.operator_mail_test, name="operator_mail_test"),
    path(
        "operator/mail/<uuid:mail_id>/retry/",
        mails.operator_mail_retry,
        name="operator_mail_retry",
    ),
    path("operator/audit/", audit.operator_audit_list, name="operator_audit_list"),
    path("operator/audit/verify/", audit.operator_audit_verify, name="operator_audit_verify"),
    path(
        "operator/audit/csv/",
        audit.operator_audit_export,
        {"form": "csv"},
        name="operator_audit_csv",
    ),
    path(
        "operator/audit/jsonl/",
        audit.operator_audit_export,
        {"form": "jsonl"},
        name="operator_audit_jsonl",
    ),
    path("reauthenticate/", sessions.reauthenticate, name="account_reauthenticate"),
    path("join/", joining.join, name="join"),
    path("join/switch/", joining.switch, name="join_switch"),
    path("join/<str:token>/", joining.link, name="join_link"),
    path("join/<str:token>/<str:proof>/", joining.mailed_link, name="join_mailed_link"),
]

_member_urlpatterns = [
    path("", members.member_list, name="member_list"),
    path("names/", members.member_names, name="member_names"),
    path("leave/", off_boarding.leave, name="member_leave"),
    path("<int:member_id>/role/", members.change_role, name="member_role"),
    path("<int:member_id>/remove/", off_boarding.remove, name="member_remove"),
    path("<int:member_id>/keys/", off_boarding.keys, name="member_keys"),
    path("<int:member_id>/hand-over/", members.hand_over, name="member_hand_over"),
    path("invitations/", invitations.invite, name="invite"),
    path("invitations/all/", invitations.invitation_list, name="invitation_list"),
    path("invitations/<uuid:invitation_id>/resend/", invitations.resend, name="invitation_resend"),
    path(
        "invitations/<uuid:invitation_id>/withdraw/",
        invitations.withdraw,
        name="invitation_withdraw",
    ),
]
_service_accounts = [
    path("", service_accounts.account_list, name="service_account_list"),
    path("names/", service_accounts.account_names, name="service_account_names"),
    path("new/", service_accounts.account_new, name="service_account_new"),
    path("<uuid:account_id>/", service_accounts.account_edit, name="service_account_edit"),
    path("<uuid:account_id>/save/", service_accounts.account_save, name="service_account_save"),
    path(
        "<uuid:account_id>/disable/",
        service_accounts.account_disable,
        name="service_account_disable",
    ),
    path(
        "<uuid:account_id>/enable/", service_accounts.account_enable, name="service_account_enable"
    ),
    path(
        "<uuid:account_id>/delete/", service_accounts.account_delete, name="service_account_delete"
    ),
]
# Under `/t/<slug>/`.
team_urlpatterns: list[URLPattern | URLResolver] = [
    path("", first_pages.team_home, name="team_home"),
    path("settings/", team_settings.team_settings, name="team_settings"),
    path("members/", include(_member_urlpatterns)),
    path("mail/", mails.mail_list, name="mail_list"),
    path("mail/<uuid:mail_id>/retry/", mails.mail_retry, name="mail_retry"),
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/verify/", audit.audit_verify, name="audit_verify"),
    path("audit/csv/", audit.audit_export, {"form": "csv"}, name="audit_csv"),
    path("audit/jsonl/", audit.audit_export, {"form": "jsonl"}, name="audit_jsonl"),
    path("service-accounts/", include(_service_accounts)),
]
# Under `/operator/teams/`.
operator_urlpatterns = [
    path("", teams.team_list, name="operator_teams"),
    path("new/", teams.team_new, name="operator_team_new"),
    path("<uuid:team_id>/owner/", teams.team_owner, name="operator_team_owner"),
    path("<uuid:team_id>/rename/", teams.team_rename, name="operator_team_rename"),
    path("<uuid:team_id>/suspend/", teams.team_suspend, name="operator_team_suspend"),
    path("<uuid:team_id>/unsuspend/", teams.team_unsuspend, name="operator_team_unsuspend"),
    path("<uuid:team_id>/delete/", teams.team_delete, name="operator_team_delete"),
]
# Under `/dev/`, with DEBUG alone.
debug_urlpatterns = [
    path("mails/", mails.mail_samples, name="mail_samples"),
    path("mails/<str:kind>.<str:part>", mails.mail_sample, name="mail_sample"),
]
