"""django-allauth in this house: sign-up is closed, addresses are read through our proxies."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """People come by the set-up link or an invitation, never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return str(request.address)  # type: ignore[attr-defined]

    def add_message(self, *args: object, **kwargs: object) -> None:
        """allauth's own messages say what the page already shows."""
