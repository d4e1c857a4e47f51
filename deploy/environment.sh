#!/bin/sh
# Builds the environment: sh deploy/environment.sh VENV LOCKED STAMP. `make venv` calls it when an input is newer
# than the stamp; it does nothing if, by content, all is as it was.
set -eu
venv=$1 locked=$2 stamp=$3
log=$venv/install.log

say() { printf '%s\n' "$*" >&2; }

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

fingerprint() {
    { pwd; "$venv/bin/python" -VV; cat "$locked" pyproject.toml; } | "$venv/bin/python" -c \
        'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if recent "$candidate"; then printf '%s' "$candidate"; return; fi
        [ -z "${PYTHON:-}" ] || break
    done
    say "Python 3.11 or newer is needed; ${PYTHON:-python3} is $("${PYTHON:-python3}" -V 2>/dev/null || echo missing)."
    say "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python),"
    say "or name one: make venv PYTHON=/path/to/python3.12"
    exit 1
}

make_venv() {
    python=$(find_python)
    say "Making an environment in $venv with $("$python" -V)"
    rm -rf "$venv"
    if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    if command -v uv >/dev/null && uv venv --quiet --seed --python "$python" "$venv"; then return; fi
    say "$python cannot make environments: its venv module or pip is missing."
    say "Debian, Ubuntu: apt install python3-venv (or python3.12-venv, as your version is), then try again."
    exit 1
}

# The lock's hashes make one index enough. Extra ones of this machine are left out first (naming the main index in
# their place), as one that does not answer would be waited for at every package; then all is tried as configured.
main_index() {
    "$venv/bin/python" -m pip config get global.index-url 2>/dev/null ||
        "$venv/bin/python" -m pip config get install.index-url 2>/dev/null || echo https://pypi.org/simple
}

install() { "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" >>"$log" 2>&1; }

install_all() { install --require-hashes --requirement "$locked" && install --no-build-isolation --no-deps --editable .; }

if [ ! -x "$venv/bin/python" ] || ! recent "$venv/bin/python" || ! "$venv/bin/python" -m pip -V >/dev/null 2>&1; then
    make_venv
fi
now=$(fingerprint)
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$now" ]; then
    touch "$stamp"
    exit 0
fi
say "Installing the locked packages into $venv (a minute or so, once)"
: >"$log"
if ! PIP_EXTRA_INDEX_URL=${PIP_INDEX_URL:-$(main_index)} install_all && ! install_all; then
    tail -n 20 "$log" >&2
    say "The packages could not be installed; the whole log is in $log."
    say "Behind a proxy or with a mirror: set https_proxy, or PIP_INDEX_URL, and try again."
    exit 1
fi
printf '%s\n' "$now" >"$stamp"
say "The environment is ready."
