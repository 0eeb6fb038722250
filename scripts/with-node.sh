#!/bin/sh
# Runs a script with the Node that the launcher uses: with-node.sh FILE [ARG ...]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
BERTH_DEV=1 BERTH_LAUNCH=node exec "$here/berth" "$@"
