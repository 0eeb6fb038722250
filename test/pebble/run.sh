#!/bin/sh
# npm run test:pebble: certificates from pebble, the test authority of Let's Encrypt, instead of that in test/support.
# It is built from the Go module proxy: needs Go.
set -eu
cd "$(dirname "$0")/../.."
go=$(command -v go || echo /usr/local/go/bin/go)
folder=$(mktemp -d /var/tmp/b-pebble-XXXXXX)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
GOBIN="$folder" GOPATH="$folder/go" "$go" install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1
PEBBLE="$folder/pebble" sh scripts/with-node.sh --test test/pebble/pebble.ts
