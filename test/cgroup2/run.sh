#!/bin/sh
# npm run test:cgroup2: boots Debian's stock kernel with systemd and cgroup v2 in qemu, copies this checkout and Node in, and runs
# guest.sh there. By software emulation, which works everywhere and is some ten times slower; BERTH_VM_ACCEL=kvm where that works.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'npm run test:cgroup2 needs root' >&2; exit 1; }
base=${BERTH_VM:-/var/tmp/berth-vm}
./berth setup --for-tests
for program in qemu-system-x86_64:qemu-system-x86 mke2fs:e2fsprogs; do
  command -v "${program%:*}" >/dev/null || apt-get install -y -qq --no-install-recommends "${program#*:}"
done
sh test/cgroup2/make-root.sh "$base"

work=$(mktemp -d /var/tmp/b-vm-XXXXXX)
trap 'rm -rf "$work"' EXIT INT TERM
cp -a "$base/root" "$work/root"
mkdir -p "$work/root/opt/berth" "$work/root/opt/busybox/bin"
git ls-files -z | tar --null --ignore-failed-read -T - -c 2>/dev/null | tar -x -C "$work/root/opt/berth"
cp -a node_modules "$work/root/opt/berth/"
BERTH_DEV=1 BERTH_LAUNCH=node ./berth -p process.execPath >"$work/node"
cp "$(cat "$work/node")" "$work/root/usr/local/bin/node"
cp "$(command -v docker)" "$work/root/usr/local/bin/docker"
cp /bin/busybox "$work/root/opt/busybox/bin/"
for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$work/root/opt/busybox/bin/$applet"; done
cat >"$work/root/etc/systemd/system/guest.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /opt/berth/test/cgroup2/guest.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Delegate=yes
UNIT
mkdir -p "$work/root/etc/systemd/system/graphical.target.wants"
ln -s ../guest.service "$work/root/etc/systemd/system/graphical.target.wants/guest.service"
rm -f "$work/root/etc/systemd/system/getty.target.wants/"*
ln -s /dev/null "$work/root/etc/systemd/system/serial-getty@ttyS0.service"
mke2fs -q -t ext4 -d "$work/root" "$work/disk" 4G
rm -rf "$work/root"

timeout "${BERTH_VM_SECONDS:-3600}" qemu-system-x86_64 -accel "${BERTH_VM_ACCEL:-tcg,thread=multi}" -cpu max -m 2048 -smp 2 \
  -display none -monitor none -serial stdio -no-reboot -nic none -kernel "$base/vmlinuz" -initrd "$base/initrd.img" \
  -drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" \
  -append 'root=/dev/vda rw console=ttyS0 loglevel=4 systemd.unified_cgroup_hierarchy=1' </dev/null | tee "$work/output"
grep -q '^GUEST RESULT 0' "$work/output"
