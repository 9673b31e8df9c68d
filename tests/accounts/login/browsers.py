"""Browsers that log in."""

from django.test import Client

from tests import factories

LOGIN = "/login/"


def enter(browser: Client, login: str, password: str = factories.PASSWORD) -> int:
    return browser.post(LOGIN, {"login": login, "password": password}).status_code
