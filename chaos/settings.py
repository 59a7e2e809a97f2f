"""The project's settings as the suite's processes run them: the same, on a clock that can be stepped."""

import os

from chaos import stepped

stepped.install(os.environ["CHAOS_CLOCK"])

from sameroom.settings import *  # noqa: E402, F403
