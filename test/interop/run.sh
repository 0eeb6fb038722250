#!/bin/sh
# npm run test:interop: skopeo, Podman, buildah and crane take what Berth makes, Berth takes what they make, buildah makes the same
# trees of the same Dockerfiles, and other engines pull through Berth's registry (DOCKERD names another dockerd). Installs Debian's packages; crane is built from the Go module proxy: needs Go.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:interop needs root: it runs real containers' >&2; exit 1; }
./berth setup --for-tests
for program in podman buildah skopeo; do
  command -v "$program" >/dev/null || apt-get install -y -qq --no-install-recommends "$program"
done
for program in containerd:containerd dockerd:docker.io getcap:libcap2-bin bzip2:bzip2 xz:xz-utils zstd:zstd; do
  command -v "${program%:*}" >/dev/null || apt-get install -y -qq --no-install-recommends "${program#*:}"
done
go=$(command -v go || echo /usr/local/go/bin/go)
folder=$(mktemp -d /var/tmp/b-interop-XXXXXX)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
GOBIN="$folder" GOPATH="$folder/go" "$go" install github.com/google/go-containerregistry/cmd/crane@v0.22.1
CRANE="$folder/crane" sh scripts/with-node.sh --test --test-concurrency=1 test/interop/builds.ts test/interop/copies.ts test/interop/running.ts test/interop/mirrors.ts
