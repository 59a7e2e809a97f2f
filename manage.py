#!/usr/bin/env python
"""Django's command line for Sameroom."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sameroom.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting is missing or wrong: the sentence helps the operator, the traceback does not.
        print(f"Sameroom does not start: {error}", file=sys.stderr)
        sys.exit(2)  # as `doctor` ends where it finds an error


if __name__ == "__main__":
    main()
