#!/bin/sh
# npm run fuzz: test/fuzz with many more made-up requests than npm test has (BERTH_FUZZ_RUNS for each route, default 300).
# A failure prints its seed; BERTH_FUZZ_SEED repeats it. Arguments are passed on to the runner.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo 'npm run fuzz needs root: it runs real containers' >&2; exit 1; }
BERTH_FUZZ_RUNS=${BERTH_FUZZ_RUNS:-300}
export BERTH_FUZZ_RUNS
exec sh scripts/with-node.sh --test --test-concurrency=2 "$@" 'test/fuzz/*.test.ts'
