#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of an assignment's autograder.
#
#   setup.sh              installs what the grader needs, fetches the data sets, and closes the folders
#   setup.sh --installed  only closes the folders: everything is there already
#
# AUTOGRADER_ROOT stands for /autograder where this is tried elsewhere.
set -euo pipefail

root=${AUTOGRADER_ROOT:-/autograder}
project=$root/source/project

say() { printf 'setup: %s\n' "$*"; }

# All that needs a network.
install() {
    # Ubuntu 22.04 has Python 3.10 unless it is asked; newer ones have a Python that is new enough.
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' && ! command -v python3.11 >/dev/null; then
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3.11 python3.11-venv
    fi
    # PyTorch's own builds without libraries for GPUs, which Gradescope's machines lack: they save the image 5 GB.
    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu VENV=$root/venv bash "$project/setup.sh"
    (cd -- "$project" && "$root/venv/bin/python" -m grader data) ||
        say "not all data could be had: checks that need what is missing will be withheld, and cost no points"
}

# The solutions, the checks and the hidden data are root's alone; students' code never runs as root.
close() {
    mkdir -p -- "$root/results" "$root/submission"
    chmod 700 -- "$root/source" "$root/results" "$root/submission"
}

case ${1:-} in
    '') install ;;
    --installed) ;;
    *)
        say "there is no option $1; there is --installed" >&2
        exit 2
        ;;
esac
close
say "done"
