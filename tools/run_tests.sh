#!/usr/bin/env bash
# Install where that is still to do, then run the whole test suite.
# Arguments go to pytest, e.g. -m "not slow".
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/install.sh
source "$HERE/install.sh"
cd "$ROOT"
"$PYTHON" -m ruff check .
exec "$PYTHON" -m pytest "$@"
