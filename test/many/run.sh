#!/bin/sh
# npm run test:many: 20 apps with 300 services on one daemon, and what a change costs among them. Arguments: apps, services of each.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:many needs root: it runs real containers' >&2; exit 1; }
BERTH_APPS=${1:-20} BERTH_SERVICES=${2:-15}
export BERTH_APPS BERTH_SERVICES
exec sh scripts/with-node.sh --test test/many/many.ts
