#!/bin/sh
# npm run test:bases: every image of the catalogue is made and run (about 6 minutes; SUITE=trixie for another suite, BASES=java,go for some of them).
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:bases needs root: it runs real containers' >&2; exit 1; }
./berth setup --for-tests
exec sh scripts/with-node.sh --test test/bases/bases.ts "$@"
