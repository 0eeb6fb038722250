#!/bin/sh
# npm run check: types per room, lint, import rules with their canary, formatting.
set -eu
cd "$(dirname "$0")/.."
run() { sh scripts/with-node.sh "$@"; }

echo '== types, room by room'
run node_modules/typescript/bin/tsc --build
echo '== formatting'
run node_modules/prettier/bin/prettier.cjs --check . --log-level warn
echo '== import rules'
run scripts/check-imports.ts
echo '== lint'
run node_modules/eslint/bin/eslint.js --max-warnings 0 .
