#!/bin/sh
# npm run test:clients: installs other people's clients from npm, PyPI and Debian, runs them against private daemons
# and writes what came of it into docs/compatibility.md. Names of clients as arguments: only these, and no writing.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:clients needs root: it runs real containers' >&2; exit 1; }
./berth setup --for-tests
exec sh scripts/with-node.sh test/clients/run.ts "$@"
