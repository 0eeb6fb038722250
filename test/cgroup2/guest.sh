#!/bin/sh
# Runs as a service of systemd inside the virtual machine, with the checkout in /opt/berth. The last line that it prints is
# "GUEST RESULT" and 0 when all went well.
cd /opt/berth
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
failures=0
step() {
  echo "== $1"
  shift
  "$@" || { failures=$((failures + 1)); echo "FAILED: $*"; }
}

answers() {
  tries=0
  until docker info >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || { journalctl -u berth --no-pager | tail -40; return 1; }
    sleep 1
  done
}

units_survive() {
  export DOCKER_HOST=unix:///run/berth/berth.sock
  ./berth setup --systemd || return 1
  answers || return 1
  tar -C /opt/busybox -c . | docker import --change 'CMD ["sh"]' - busybox || return 1
  docker run -d --name kept --memory 64m busybox sh -c 'while :; do date +%s; sleep 0.1; done' || return 1
  before=$(docker inspect -f '{{.State.Pid}}' kept)
  systemctl restart berth.service || return 1
  answers || return 1
  [ "$(docker inspect -f '{{.State.Pid}} {{.State.Status}}' kept)" = "$before running" ] || return 1
  docker exec kept true || return 1
  docker stop -t 0 kept && docker logs kept | tail -1 && docker rm kept || return 1
  systemctl stop berth.service
}

uname -r
stat -f -c 'cgroup: %T' /sys/fs/cgroup
step 'modules' modprobe -a overlay nf_tables veth bridge
step 'doctor after setup' sh -c './berth setup && ./berth doctor'
step 'systemd' units_survive
# Each file for itself and bounded, so that one that hangs is named and the others still run.
for file in test/kernel/cgroups.test.ts test/kernel/runtime*.test.ts test/e2e/containers/run.test.ts test/e2e/containers/life-cycle.test.ts; do
  step "$file" timeout -k 30 "${BERTH_FILE_SECONDS:-900}" node --test --test-timeout=300000 "$file"
done
echo "GUEST RESULT $failures"
systemctl poweroff --force
