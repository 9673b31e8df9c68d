#!/usr/bin/env python
"""Flowlatch's command line: `manage.py serve` starts it, `manage.py help` lists the rest."""

import os
import sys

if __name__ == "__main__":
    os.umask(0o077)  # what is written here holds sessions and conversations: the owner's alone
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured

        from accounts.management.checked import CheckedUtility
    except ImportError:
        sys.exit("Django is not installed here. Run `make run`, or use .venv/bin/python manage.py.")
    try:
        CheckedUtility(sys.argv).execute()
    except ImproperlyConfigured as error:
        sys.exit(f"The settings can't be used: {error}")
