#!/usr/bin/env bash
# Installs the grader, editable, and everything it needs: Debian packages, and Python packages into $VENV (default .venv).
#
#   ./setup.sh              install what is missing, repair what is broken
#   ./setup.sh --if-needed  the same, but return at once when a finished set-up is there (every make target calls this)
#   ./setup.sh --developer  also what only the tests need: a browser and a PDF viewer (make test and make check do this)
#
# May be interrupted at any point and run again; two at once wait for each other. In the environment's folder:
#   .lock       held while one of us works there
#   .half-made  there while the environment itself is being made: what holds it is thrown away and made anew
#   .tmp        pip's temporary files, removed when it is done
#   .ready      the stamp, written last: this folder, its requirements, and the Debian packages that could not be had
#   .developer  the stamp of --developer: those of its Debian packages that could not be had
set -euo pipefail
cd -- "$(dirname -- "$0")"

venv=${VENV:-.venv}
debian_packages=(bubblewrap libseccomp2 libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 dataset-fashion-mnist
    fonts-inter fonts-wqy-microhei)
developer_packages=(chromium poppler-utils)

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 3
}

# Which of the Debian packages named are not installed; nothing where there is no dpkg.
missing_packages() {
    command -v dpkg-query >/dev/null || return 0
    dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        awk -v wanted="$*" '
            $1 == "installed" { there[$2] = 1 }
            END { n = split(wanted, names, " "); for (i = 1; i <= n; i++) if (!(names[i] in there)) print names[i] }'
}

# The lines of assignment.toml files that name packages for students' code.
environments() {
    local files
    mapfile -t files < <(assignment_files)
    ((${#files[@]} == 0)) || awk '/^[ \t]*\[/ { inside = /environment/ } inside || /environment/' "${files[@]}"
}

# Of this folder and of those that $ASSIGNMENTS names, colons between them.
assignment_files() {
    local roots root
    IFS=: read -ra roots <<<"${ASSIGNMENTS:-}"
    for root in assignment ${roots[@]+"${roots[@]/%//assignment}"}; do
        [[ ! -d $root ]] || find "$root" -mindepth 2 -maxdepth 2 -name assignment.toml | sort
    done
}

# What the stamp holds when everything is done. The folder is part of it: the command `grader` leads here.
stamp() {
    pwd -P
    sha256sum pyproject.toml constraints.txt
    environments | sha256sum
    missing_packages "${debian_packages[@]}"
}

developer_stamp() { missing_packages "${developer_packages[@]}"; }

grader_is_ready() { [[ -x $venv/bin/python && -f $venv/.ready && $(<"$venv/.ready") == "$(stamp)" ]]; }

developer_is_ready() { [[ -f $venv/.developer && $(<"$venv/.developer") == "$(developer_stamp)" ]]; }

# Whether everything asked for is there.
is_ready() { grader_is_ready && { ! $developer || developer_is_ready; }; }

# apt-get as root, or through a sudo that asks nothing; fails where neither is there.
apt() {
    command -v apt-get >/dev/null || return 1
    local as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

may_apt() { command -v apt-get >/dev/null && { ((EUID == 0)) || sudo -n true 2>/dev/null; }; }

# Installs the Debian packages named, as far as it may.
install_packages() {
    local missing package
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if may_apt; then
        say "installing ${missing[*]}"
        apt update || true # old lists may still do
        # One at a time when they can't be had together: one unknown name must not keep the others out.
        apt install -y --no-install-recommends "${missing[@]}" ||
            for package in "${missing[@]}"; do apt install -y --no-install-recommends "$package" || true; done
        mapfile -t missing < <(missing_packages "$@")
    fi
    ((${#missing[@]} == 0)) ||
        say "Debian packages are missing; please run: sudo apt-get install -y --no-install-recommends ${missing[*]}"
}

# The first Python that is new enough and has the modules named. Newer ones read what students write on their own
# machines; what we test with are 3.11 and 3.12.
find_python() {
    local name
    for name in python3.12 python3.13 python3 python3.11; do
        # Run, not looked up: a version manager puts names on the PATH that start nothing.
        if "$name" -c "import sys, $1; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}

# The Debian packages that find_python lacks; a Python without them comes as it is.
python_packages() {
    local name
    if name=$(find_python venv); then
        "$name" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])'
    else
        echo python3 python3-venv
    fi
}

venv_works() { "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Nothing is ever deleted from a folder that is not an environment.
refuse_other_folder() {
    if [[ ! -e $venv/.half-made && ! -e $venv/pyvenv.cfg && -e $venv ]] &&
        [[ ! -d $venv || -n $(find "$venv" -mindepth 1 ! -name .lock -print -quit) ]]; then
        fail "$venv is there and is no virtual environment; name another folder with VENV="
    fi
}

make_venv() {
    if [[ ! -e $venv/.half-made && -e $venv/pyvenv.cfg ]] && venv_works; then return; fi
    local python packages
    if ! python=$(find_python ensurepip); then
        read -ra packages < <(python_packages)
        ! may_apt || { apt update && apt install -y --no-install-recommends "${packages[@]}"; } || true
        python=$(find_python ensurepip) ||
            fail "no Python 3.11 or newer that has venv; please run: sudo apt-get install -y ${packages[*]}"
    fi
    say "making a virtual environment in $venv with $("$python" --version)"
    touch -- "$venv/.half-made"
    find "$venv" -mindepth 1 -maxdepth 1 ! -name .lock ! -name .half-made -exec rm -rf -- {} +
    "$python" -m venv "$venv" || fail "$python could not make a virtual environment in $venv"
    rm -- "$venv/.half-made"
}

# A pip that was killed may leave packages without a RECORD, which it later takes for installed, and can't remove.
drop_half_installed() {
    local info
    for info in "$venv"/lib/python3*/site-packages/*.dist-info; do
        if [[ -d $info && ! -f $info/RECORD ]]; then rm -rf -- "$info"; fi
    done
    rm -rf -- "$venv"/lib/python3*/site-packages/~*
}

# The grader, editable, and what assignments add for their students. The first time pip fetches setuptools to build it
# with; from then on the environment's own does, which comes with torch, so that a repair needs no network.
install_requirements() {
    local isolation=() added='import sys, tomllib
added = []
for name in sys.stdin.read().splitlines():
    try:
        added += tomllib.load(open(name, "rb")).get("environment", {}).get("packages", [])
    except (ValueError, TypeError, AttributeError) as error:
        print(f"setup: what {name} names is not installed: {error}", file=sys.stderr)
print(*dict.fromkeys(added), sep="\n")'
    assignment_files | "$venv/bin/python" -c "$added" >"$venv/requirements.txt"
    say "installing Python packages in $venv (the first time: some minutes, 6 GB)"
    ! "$venv/bin/python" -c 'import sys, setuptools; sys.exit(int(setuptools.__version__.split(".")[0]) < 78)' \
        2>/dev/null || isolation=(--no-build-isolation)
    # A pip that is killed leaves gigabytes of temporary files: they lie where the next set-up finds them.
    rm -rf -- "$venv/.tmp" && mkdir -- "$venv/.tmp"
    TMPDIR=$(cd -- "$venv/.tmp" && pwd) "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --constraint constraints.txt --requirement "$venv/requirements.txt" ${isolation[@]+"${isolation[@]}"} \
        --editable '.[dev]' >&2 ||
        fail "pip could not install everything; what it said stands above. Run make setup to try again"
    rm -rf -- "$venv/.tmp"
}

# Puts what it is given on its standard input into a file of the environment, whole or not at all.
write_stamp() {
    cat >"$venv/$1.part"
    mv -- "$venv/$1.part" "$venv/$1"
}

set_up_grader() {
    rm -f -- "$venv/.ready"
    install_packages "${debian_packages[@]}"
    make_venv
    drop_half_installed
    install_requirements
    stamp | write_stamp .ready
}

set_up_developer() {
    rm -f -- "$venv/.developer"
    install_packages "${developer_packages[@]}"
    developer_stamp | write_stamp .developer
}

main() {
    local if_needed=false developer=false option
    for option in "$@"; do
        case $option in
            --if-needed) if_needed=true ;;
            --developer) developer=true ;;
            *) fail "there is no option $option; there are --if-needed and --developer" ;;
        esac
    done
    if $if_needed && is_ready; then return; fi
    refuse_other_folder
    mkdir -p -- "$venv" || fail "can't make the folder $venv; name another one with VENV="
    if command -v flock >/dev/null; then
        exec 9>"$venv/.lock"
        flock --nonblock 9 || {
            say "another set-up is at work in $venv; waiting for it"
            flock 9
        }
        if $if_needed && is_ready; then return; fi # the other one did it
    fi
    if ! $if_needed || ! grader_is_ready; then set_up_grader; fi
    if $developer && { ! $if_needed || ! developer_is_ready; }; then set_up_developer; fi
    say "done"
}

main "$@"
