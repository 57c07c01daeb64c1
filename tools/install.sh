#!/usr/bin/env bash
# Make the virtual environment of the two README commands, once.
# Meant to be sourced: leaves its interpreter in $PYTHON.
# MMSNIP_VENV  folder of the environment (default: .venv of the checkout)
# MMSNIP_PYTHON  interpreter to make it with (default: python3)
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${MMSNIP_VENV:-$ROOT/.venv}
STAMP=$VENV/mmsnip-installed

lock_hash() {
    cat "$ROOT/requirements/lock.txt" "$ROOT/pyproject.toml" | cksum
}

make_venv() {
    local python=${MMSNIP_PYTHON:-python3}
    if ! command -v "$python" >/dev/null; then
        echo "error: no '$python' here; install Python 3.11 (Debian:" \
            "apt-get install python3 python3-venv)" >&2
        return 1
    fi
    if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))'; then
        echo "error: $("$python" --version) found; the locked versions fit" \
            "Python 3.11 and 3.12. Set MMSNIP_PYTHON to one of them, or" \
            "install mmsnip by hand (README, 'Install')" >&2
        return 1
    fi
    # Debian ships venv apart from Python.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -q && apt-get install -q -y python3-venv
        else
            echo "error: Python's venv is missing; run:" \
                "sudo apt-get install python3-venv" >&2
            return 1
        fi
    fi
    "$python" -m venv "$VENV"
}

if [ "$(cat "$STAMP" 2>/dev/null)" != "$(lock_hash)" ]; then
    echo "== installing into $VENV (once)"
    [ -x "$VENV/bin/python" ] || make_venv
    PIP=("$VENV/bin/python" -m pip install --disable-pip-version-check -q)
    "${PIP[@]}" -c "$ROOT/requirements/lock.txt" torch==2.13.0
    "${PIP[@]}" --no-deps -r "$ROOT/requirements/lock.txt"
    "${PIP[@]}" --no-deps --no-build-isolation -e "$ROOT"
    lock_hash >"$STAMP"
fi
PYTHON=$VENV/bin/python
