#!/bin/sh
# build-newest.sh FOLDER: builds docker, docker-compose and docker-buildx of these versions into a folder, from the Go module proxy:
# the newest whose modules it serves all (Compose 5.7 needs one that it does not).
set -eu
folder=$1
docker=29.9.3 compose=5.6.0 buildx=0.38.2
go=$(command -v go || echo /usr/local/go/bin/go)
export GOTOOLCHAIN=auto GOFLAGS='-mod=mod -buildvcs=false' CGO_ENABLED=0
work=$(mktemp -d /var/tmp/b-clients-XXXXXX)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# sources MODULE@VERSION: a copy, as `go install` refuses modules that exclude or replace others. Goes into its folder.
sources() {
  cd "$work"
  kept=$("$go" mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  cp -R "$kept" "$work/sources-${1##*@}"
  cd "$work/sources-${1##*@}"
  chmod -R u+w .
  rm -rf vendor
}

sources "github.com/docker/buildx@v$buildx"
"$go" build -ldflags "-X github.com/docker/buildx/version.Version=v$buildx" -o "$folder/docker-buildx" ./cmd/buildx
sources "github.com/docker/compose/v5@v$compose"
"$go" build -ldflags "-X github.com/docker/compose/v5/internal.Version=v$compose" -o "$folder/docker-compose" ./cmd
# The client calls its go.mod otherwise. Of swarmkit, which only the commands of a swarm need, the proxy has another version.
sources "github.com/docker/cli@v$docker+incompatible"
mv vendor.mod go.mod
mv vendor.sum go.sum
"$go" mod edit -replace github.com/moby/swarmkit/v2=github.com/moby/swarmkit/v2@v2.0.0
"$go" build -ldflags "-X github.com/docker/cli/cli/version.Version=$docker" -o "$folder/docker" ./cmd/docker
