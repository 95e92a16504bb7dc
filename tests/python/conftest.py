"""Every test gets a world of its own, and whatever it starts there ends with it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.register_assert_rewrite("networks", "processes", "world")

from hypothesis import settings  # noqa: E402
from world import World  # noqa: E402

# Nothing is judged by time, and a failure says how to see it again.
settings.register_profile("superchat", deadline=None, database=None, print_blob=True)
settings.load_profile("superchat")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path, stack)
