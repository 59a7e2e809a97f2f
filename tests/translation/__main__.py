"""`python -m tests.translation`: write docs/translation.md anew, by the test that compares it."""

import os
import sys

import pytest

if __name__ == "__main__":
    os.environ["WRITE_TRANSLATION"] = "1"
    sys.exit(pytest.main(["-q", "-p", "no:xdist", "tests/translation"]))
