#!/bin/sh
# npm test: prepares the host (Debian packages, kernel settings), then runs every level in one runner:
# unit, property, golden, contract, kernel, end to end. Arguments are passed on (a file, a --test-name-pattern).
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo 'npm test needs root: it runs real containers' >&2; exit 1; }
./berth setup --for-tests
if [ $# -eq 0 ]; then
  # A level that is left out, wholly or in part, is a failure too.
  set -- --test-reporter=./scripts/levels-reporter.ts --test-reporter-destination=stderr \
    --test-reporter=spec --test-reporter-destination=stdout 'src/**/*.test.ts' 'test/**/*.test.ts'
fi
exec sh scripts/with-node.sh --import ./scripts/test-deadline.ts --import ./scripts/test-errors.ts --test --test-concurrency=3 --test-timeout=600000 "$@"
