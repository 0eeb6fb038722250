#!/bin/sh
# npm run test:registry: the OCI distribution conformance suite against the built-in registry of a private daemon: the
# present one, with what the next version of the specification adds, and the one of version 1.1.0 with its four workflows. Built from the Go
# module proxy: needs Go. Podman, where it is installed, pushes and pulls.
set -eu
cd "$(dirname "$0")/../.."
go=$(command -v go || echo /usr/local/go/bin/go)
folder=$(mktemp -d /var/tmp/b-conformance-XXXXXX)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
module=github.com/opencontainers/distribution-spec/conformance
# download VERSION: prints the folder with the module's sources, which may be written to.
download() {
  from=$("$go" mod download -json "$module@$1" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
  cp -r "$from" "$folder/$1" && chmod -R u+w "$folder/$1" && echo "$folder/$1"
}
present=$(download v0.0.0-20260831232431-97274622c111)
former=$(download v0.0.0-20231101194043-f2182352d4cc)
(cd "$present" && "$go" build -o "$folder/present" .)
(cd "$former" && "$go" test -c -o "$folder/former" .)
PRESENT="$folder/present" FORMER="$folder/former" FOLDER="$folder" sh scripts/with-node.sh --test test/registry-conformance/conformance.ts
