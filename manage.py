#!/usr/bin/env python
"""Flowlatch's command line: `manage.py serve` starts it, `manage.py help` lists the rest."""

import os
import sys

from config.environment.version import VERSION
from config.upgrades import packages


def main() -> None:
    """Run a command. What can't be used is said in one line."""
    try:
        from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 (it may be missing)
    except ImportError:
        sys.exit("Django is not installed here. Run `make install`, and use .venv/bin/python.")
    try:
        from accounts.management.checked import CheckedUtility  # noqa: PLC0415 (it reads settings)

        if sys.argv[1:2] == ["worker"]:  # it is started with the machine, as its database is
            _wait_for_database()
        CheckedUtility(sys.argv).execute()
    except ImproperlyConfigured as error:
        sys.exit(f"The settings can't be used: {error}")
    except ImportError:
        if complaint := packages.complaint():
            sys.exit(complaint)
        raise


def _wait_for_database() -> None:
    from django.conf import settings  # noqa: PLC0415 (it may be missing)

    from config import databases  # noqa: PLC0415 (likewise)

    database = settings.DATABASES["default"]
    if database["ENGINE"] == databases.POSTGRESQL:
        from config import postgresql  # noqa: PLC0415 (it loads a driver)

        parameters = databases.connection_parameters(database)
        postgresql.wait_until_up(parameters, settings.DATABASE_WAIT)


if __name__ == "__main__":
    os.umask(0o077)  # what is written here holds sessions and conversations: the owner's alone
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:] in (["version"], ["--version"]):  # Django would print its own
        sys.stdout.write(f"Flowlatch {VERSION}\n")
    else:
        main()
