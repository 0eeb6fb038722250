#!/bin/sh
# npm run test:cosign: what an engine signs is verified by the real cosign, and what cosign signs by an engine. cosign is built from the
# Go module proxy (some minutes), unless COSIGN names its program.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mktemp -d /var/tmp/b-cosign-XXXXXX)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
if [ -z "${COSIGN:-}" ]; then
  go=$(command -v go || echo /usr/local/go/bin/go)
  GOBIN=$folder GOFLAGS=-mod=mod "$go" install github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5
  COSIGN=$folder/cosign
fi
COSIGN=$COSIGN FOLDER=$folder sh scripts/with-node.sh --test test/cosign/cosign.ts
