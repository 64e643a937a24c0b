"""A grader to be killed: run as a program with the name of a wall, and of what is taken away of it, if anything.

It has two workers, one of them busy with a submission that never ends, prints what is there as JSON, and waits.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from sample_machine import open_worker
from sample_parts import DIES, PARENT
from sample_processes import descendants
from sample_without import BACKENDS, Removal, Value, without

from grader.sandbox.cgroups import ControlGroups

NO_GROUPS = Value(ControlGroups, "here", staticmethod(lambda: None))
REMOVALS: dict[str, tuple[Removal, ...]] = {
    "": (),
    "groups": (NO_GROUPS,),
    "fork": (DIES,),
    "cold": (DIES,),
    "container": (PARENT,),
    "fork and groups": (DIES, NO_GROUPS),
    "cold and groups": (DIES, NO_GROUPS),
    "container and groups": (PARENT, NO_GROUPS),
}


def main(name: str, part: str = "") -> None:
    """Start, tell, and wait."""
    backend = BACKENDS[name]
    with without(backend, REMOVALS[part]), open_worker(backend), open_worker(backend) as (student, _):
        if name != "container":
            student.others.stay(3)
        threading.Thread(target=student.others.spin, daemon=True).start()
        time.sleep(0.2)
        groups = ControlGroups.here()
        folders = [str(folder) for folder in groups._folders.values()] if groups else []
        print(json.dumps({"below": sorted(descendants(os.getpid())), "groups": folders}), flush=True)
        time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
