#!/bin/sh
# npm run test:streams: the tests of large streams with 1 GB instead of what npm test sends.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:streams needs root: it runs real containers' >&2; exit 1; }
BERTH_STREAM_MIB=1024
export BERTH_STREAM_MIB
exec sh scripts/with-node.sh --test test/e2e/containers/large-streams.test.ts
