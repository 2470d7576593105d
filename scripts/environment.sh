# The Python environment that the scripts run in; sourced by them, in the root of the checkout.
#
# MODAG_VENV names an environment in which the project is installed already; it is taken as it is. Otherwise it is
# .venv, made with PYTHON where it is missing, and brought up to date where pyproject.toml has changed. A light one, as
# the demo makes it, becomes a full one when a developer's script comes by; a full one serves the demo as it is.

virtual_environment=${MODAG_VENV:-.venv}
python=$virtual_environment/bin/python

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

say() {
    printf '%s\n' "$1" >&2
}

# Takes the dependency group to install beside the package, or nothing for the package alone, which needs no PyTorch.
# Developers get all extras.
prepare_environment() {
    if [ -n "${MODAG_VENV:-}" ]; then
        [ -x "$python" ] || fail "MODAG_VENV: there is no $python"
        return
    fi
    wanted="$PWD $(cksum <pyproject.toml)"
    if is_recent "$python" && is_installed "$@"; then
        return
    fi
    size='about 0.5 GB'
    [ $# -eq 0 ] || size='with PyTorch; on x86-64 Linux about 6.5 GB'
    say "Python environment: installing into $virtual_environment ($size, once)"
    is_recent "$python" || make_environment
    install_checkout "$@" || fail "the installation failed; run $0 again to go on where it stopped"
    printf '%s\n' "$wanted" >"$virtual_environment/modag-installed${1:+-$1}"
}

# A stamp names what was installed. The group dev holds the group test, and either holds the package alone.
is_installed() {
    case ${1:-} in
    '') set -- '' -test -dev ;;
    test) set -- -test -dev ;;
    *) set -- "-$1" ;;
    esac
    for suffix in "$@"; do
        [ "$(cat "$virtual_environment/modag-installed$suffix" 2>/dev/null)" != "$wanted" ] || return 0
    done
    return 1
}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# 3.12 and 3.11 first: the demo's source on PyPI has a tool without wheels for later ones.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3.12 python3.11 python3.13 python3.14 python3 python; do
        if is_recent "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

make_environment() {
    if base=$(find_python); then :; else
        command -v uv >/dev/null || fail "Python 3.11 or later is needed and was not found; name one with PYTHON=..."
        base=3.12
    fi
    rm -f -- "$virtual_environment"/modag-installed* # another interpreter sees nothing of what was installed
    if command -v uv >/dev/null; then
        uv venv --quiet --allow-existing --python "$base" "$virtual_environment"
    else
        "$base" -m venv "$virtual_environment" ||
            fail "$base cannot make an environment; on Debian and Ubuntu install python3-venv, or install uv"
    fi
}

# With MODAG_LOCK, the name of a lock file for this interpreter and machine, what stands there is what is installed.
install_checkout() {
    if [ $# -gt 0 ] && [ -n "${MODAG_LOCK:-}" ]; then
        install_locked || return
    elif [ $# -gt 0 ]; then
        install --editable '.[dask,heic,map,milvus,postgres,transformers,web,yamnet]' --group "$1"
    else
        install --editable '.[web]'
    fi
}

# A file with another hash ends it. Where a package of the lock is not to be had, as from a registry that holds others,
# what pyproject.toml allows is taken, and that is said.
install_locked() {
    refused=$(mktemp)
    if install --require-hashes --requirement "$MODAG_LOCK" 2>"$refused"; then
        rm -f -- "$refused"
        install --no-deps --no-build-isolation --editable .
        return
    fi
    tail -n 20 "$refused" >&2
    if grep -q -i -e 'no matching distribution' -e 'no version of' "$refused"; then
        say "$MODAG_LOCK: not all of it can be had here; taking what pyproject.toml allows"
        install --editable '.[dask,heic,map,milvus,postgres,transformers,web,yamnet]' --group dev
    else
        false
    fi
}

install() {
    [ -t 2 ] || set -- --quiet "$@"
    if command -v uv >/dev/null; then
        uv pip install --python "$python" "$@" >&2
        return
    fi
    "$python" -m pip --version >/dev/null 2>&1 || make_environment
    # Dependency groups came with pip 25.1.
    "$python" -m pip install --help | grep -q -e --group || "$python" -m pip install --quiet --upgrade 'pip>=25.1' >&2
    "$python" -m pip install --disable-pip-version-check "$@" >&2
}
