"""URLs of accounts: allauth's are listed one by one, so that nothing of it is open unasked."""

from django.urls import path

from accounts.views import sessions

urlpatterns = [
    path("", sessions.home, name="home"),
    path("login/", sessions.login, name="account_login"),
    path("logout/", sessions.logout, name="account_logout"),
    path("reauthenticate/", sessions.reauthenticate, name="account_reauthenticate"),
]
