"""An autograder as Gradescope runs it: `python run_tests.py folder result.json`, the module in the folder."""

# It runs in the peers' environment, whose libraries have no types.
# mypy: ignore-errors

import sys
import unittest
from typing import Any

from gradescope_utils.autograder_utils.decorators import number, weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner
from plain_checks import CHECKS


def test_case(basics: Any) -> type[unittest.TestCase]:
    """The checks as tests of unittest, a point each."""
    methods = {}
    for index, check in enumerate(CHECKS, 1):

        @weight(1)
        @number(str(index))
        def test(_self: unittest.TestCase, check: Any = check) -> None:
            check(getattr(basics, check.__name__.removeprefix("check_")))

        methods[f"test_{index}"] = test
    return type("TestBasics", (unittest.TestCase,), methods)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import basics

    tests = unittest.defaultTestLoader.loadTestsFromTestCase(test_case(basics))
    with open(sys.argv[2], "w", encoding="utf-8") as result:
        JSONTestRunner(stream=result, visibility="visible").run(tests)
