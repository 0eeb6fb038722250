#!/bin/sh
# make-root.sh FOLDER: a Debian with its stock kernel, systemd and what Berth needs, as FOLDER/root, FOLDER/vmlinuz and
# FOLDER/initrd.img. Made once: it holds nothing of the checkout.
set -eu
folder=$1
packages=linux-image-cloud-amd64,systemd,systemd-sysv,dbus,udev,kmod
packages=$packages,crun,runc,conmon,nftables,libnftables1,haproxy,iproute2,procps,ca-certificates,mmdebstrap
packages=$packages,busybox-static,util-linux,libatomic1,curl,xxd,git
# Made anew when the list of packages is another one.
[ "$(cat "$folder/complete" 2>/dev/null)" != "$packages" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder"
mmdebstrap --quiet --variant=minbase --mode=root --include="$packages" \
  --customize-hook='echo cgroup2 >"$1/etc/hostname"' \
  --customize-hook='echo "127.0.0.1 localhost cgroup2" >"$1/etc/hosts"' \
  bookworm "$folder/root"
cp "$folder"/root/boot/vmlinuz-* "$folder/vmlinuz"
cp "$folder"/root/boot/initrd.img-* "$folder/initrd.img"
echo "$packages" >"$folder/complete"
