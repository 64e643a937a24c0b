"""What all tests of the project share."""

from sample_session import *  # noqa: F403
