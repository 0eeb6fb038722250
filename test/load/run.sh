#!/bin/sh
# npm run test:load: 200 containers at once, 1,000 that exist, 10,000 that come and go (about 40 minutes; LOAD_CYCLES=2000 for fewer).
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:load needs root: it runs real containers' >&2; exit 1; }
./berth setup --for-tests
exec sh scripts/with-node.sh --test test/load/load.ts "$@"
