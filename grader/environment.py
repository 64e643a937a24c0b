"""Says what student code finds to import where it is graded: the one place that lists it.

An assignment's packages are those of `ALWAYS`, which come with the grader, and what its `assignment.toml` adds under
`[environment]`, which `setup.sh` installs as well. Handouts, kits and messages are written from that list.
"""

from __future__ import annotations

import functools
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution, version

from grader.installed import is_installed

OLDEST_PYTHON = (3, 11)  # that a grader runs: pyproject.toml's `requires-python`
ALWAYS = {  # pip's name -> the name that code imports
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "seaborn": "seaborn",
    "tqdm": "tqdm",
}
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._ -]+\])?( ?[<>=!~]=?[^\n;@]+)?")
_MARKED = re.compile(r"^(<!-- environment -->\n).*?^(<!-- end -->)$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def with_always(packages: Iterable[str]) -> tuple[str, ...]:
    """The packages that are always there, then the others, each once."""
    return (*ALWAYS, *dict.fromkeys(each for each in packages if pip_name(each) not in ALWAYS))


def is_requirement(text: str) -> bool:
    """Whether pip takes a text for a package, with or without a version: no address, no option of its own."""
    return _REQUIREMENT.fullmatch(text) is not None


def pip_name(requirement: str) -> str:
    """Name of a package without version and extras, as pip compares names."""
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


@functools.cache
def import_names(requirement: str) -> tuple[str, ...]:
    """What code imports a package by; guessed from pip's name where it is not installed."""
    name = pip_name(requirement)
    if name in ALWAYS:
        return (ALWAYS[name],)
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return (name.replace("-", "_"),)
    listed = (installed.read_text("top_level.txt") or "").split()
    tops = {path.parts[0].removesuffix(".py") for path in installed.files or () if path.suffix == ".py"}
    found = listed or sorted(top for top in tops if top.isidentifier())
    return tuple(each for each in found if not each.startswith("_")) or (name.replace("-", "_"),)


def all_import_names(packages: Iterable[str]) -> tuple[str, ...]:
    """What code imports the packages by, in their order."""
    return tuple(dict.fromkeys(name for package in packages for name in import_names(package)))


def listed(packages: Iterable[str], quote: str = "") -> str:
    """The packages in words, by the names that code imports: `torch, sklearn (scikit-learn) and cv2 (...)`."""
    told = []
    for package in packages:
        name = pip_name(package)
        imported = " and ".join(f"{quote}{each}{quote}" for each in import_names(package))
        told.append(imported if imported.strip(quote) == name else f"{imported} ({name})")
    return " and ".join(part for part in (", ".join(told[:-1]), *told[-1:]) if part)


def not_installed(packages: Iterable[str]) -> list[str]:
    """Those of the packages that student code would not find."""
    return [package for package in packages if not any(map(is_installed, import_names(package)))]


def package_words(package: str) -> str:
    """An installed package with its version; raises PackageNotFoundError where it is not installed."""
    return f"{pip_name(package)} {version(pip_name(package))}"


def python_words(version: Sequence[int] = sys.version_info[:2]) -> str:
    """A version of Python in words: `Python 3.11`."""
    return f"Python {version[0]}.{version[1]}"


def environment_words(packages: Iterable[str]) -> str:
    """What code finds where it is graded, in Markdown, for whoever hands it in."""
    oldest = python_words(OLDEST_PYTHON)
    return (
        f"Your code is graded with {oldest} or a newer one: use no syntax that is newer than {oldest}. Beside the "
        f"standard library it finds {listed(packages, '`')} there. IPython's `display` and `clear_output`, whatever "
        "opens a window, and `torch.compile` do nothing there. An import of anything else fails only where it is used."
    )


def with_environment(handout: str, packages: Iterable[str]) -> str:
    """A handout with these words between its marks `<!-- environment -->` and `<!-- end -->`; as it is without."""
    words = textwrap.fill(environment_words(packages), 128, break_long_words=False, break_on_hyphens=False)
    return _MARKED.sub(lambda match: f"{match[1]}{words}\n{match[2]}", handout)
