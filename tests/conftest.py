"""What all tests share; the tests of each assignment have it too."""

from sample_session import *  # noqa: F403
