#!/usr/bin/env bash
# Install where that is still to do, then run the whole test suite, a process
# a core; one that is done takes tests from another. What compares with golden
# numbers runs apart, in one process, since its last tests look at what the
# others have read.
# Arguments go to pytest as they are, e.g. -m "not slow".
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/install.sh
source "$HERE/install.sh"
cd "$ROOT"
"$PYTHON" -m ruff check .
[ $# -eq 0 ] || exec "$PYTHON" -m pytest "$@"
failed=0
OMP_NUM_THREADS=1 "$PYTHON" -m pytest -q -m "not parity" \
    -n auto --maxprocesses 8 --dist worksteal || failed=1
"$PYTHON" -m pytest -q -m parity || failed=1
exit $failed
