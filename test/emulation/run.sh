#!/bin/sh
# npm run test:emulation: an image for arm64 whose commands are truly arm64's is built and run, by Debian's qemu-user-static (60 MB, fetched
# and not installed), which the kernel knows by binfmt_misc while the test runs.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:emulation needs root: it runs real containers' >&2; exit 1; }
[ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
./berth setup --for-tests
folder=$(mktemp -d /var/tmp/b-emulation-XXXXXX)
trap 'rm -rf "$folder"' EXIT
FOLDER=$folder sh scripts/with-node.sh --test test/emulation/emulation.ts
