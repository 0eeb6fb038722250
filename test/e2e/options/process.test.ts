import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { optionCases } from '../../support/option-cases.ts';

const status = (field: string): string => `grep ^${field}: /proc/self/status | cut -f2-`;

// A file of the Container Device Interface, of this run alone.
const vendor = `berth-test-${process.pid}.example`;
const cdiFile = `/var/run/cdi/${vendor}.yaml`;
const folder = mkdtempSync('/var/tmp/berth-process-');
const cdiSpec = `
cdiVersion: 0.6.0
kind: ${vendor}/thing
devices:
  - name: one
    containerEdits:
      env: [THING=one]
      deviceNodes: [{ path: /dev/thing, hostPath: /dev/zero }]
      mounts: [{ hostPath: ${folder}/library, containerPath: /thing-library, options: [bind, ro] }]
      hooks: [{ hookName: createRuntime, path: /bin/sh, args: [sh, -c, 'cat >${folder}/hooked'] }]
`;

describe('options for the process and its rights', { concurrency: 2 }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    mkdirSync('/var/run/cdi', { recursive: true });
    writeFileSync(join(folder, 'library'), 'of the vendor\n');
    writeFileSync(cdiFile, cdiSpec);
  });
  after(async () => {
    rmSync(cdiFile);
    rmSync(folder, { recursive: true });
    await daemon[Symbol.asyncDispose]();
  });

  describe('user and groups', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: '--user 1234', run: 'id -u; id -g', shows: '1234\n0' },
        { options: '--user nobody', run: 'id -u; id -g; echo $HOME', shows: '65534\n65534\n/home' },
        { options: '--user 12:34', run: 'id -u; id -g', shows: '12\n34' },
        { options: '--user nobody:root', run: 'id -u; id -g', shows: '65534\n0' },
        { options: '--user nosuch', code: 125, says: /unable to find user nosuch/ },
        { options: '--group-add 77 --group-add nobody', run: 'id -G', shows: '0 77 65534' },
        { options: '--user 5 --group-add 77', run: 'id -G', shows: '0 77' },
        { options: '--group-add nosuch', code: 125, says: /unable to find group nosuch/i },
        { options: '--workdir /a/b', run: 'pwd; stat -c %u /a/b', shows: '/a/b\n0' },
      ],
    );
  });

  describe('capabilities and security', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: '', run: status('CapEff'), shows: '00000000a80425fb' },
        { options: '--cap-drop ALL', run: status('CapBnd'), shows: '0000000000000000' },
        { options: '--cap-drop ALL --cap-add CAP_CHOWN', run: status('CapEff'), shows: '0000000000000001' },
        { options: '--cap-add net_admin', run: status('CapEff'), shows: '00000000a80435fb' },
        { options: '--cap-drop mknod', run: 'mknod /x c 1 3', code: 1, says: /not permitted/ },
        { options: '--cap-add nosuch', code: 125, says: /unknown capability: "CAP_NOSUCH"/ },
        { options: '--security-opt no-new-privileges', run: status('NoNewPrivs'), shows: '1' },
        { options: '--security-opt no-new-privileges=false', run: status('NoNewPrivs'), shows: '0' },
        { options: '', run: status('Seccomp'), shows: '2' },
        { options: '--security-opt seccomp=unconfined', run: status('Seccomp'), shows: '0' },
        { options: '--security-opt seccomp=/nosuch.json', code: 125, says: /no such file/ },
        { options: '--security-opt odd=1', code: 125, says: /invalid --security-opt/ },
        { options: '--security-opt label=disable' },
        { options: '--security-opt apparmor=unconfined' },
        { options: '--security-opt label=type:x', says: /SELinux/ },
        { options: '--security-opt apparmor=nosuch', says: /AppArmor/ },
        {
          options: '',
          run: 'head -c1 /proc/kcore | wc -c; echo 1 2>&- >/proc/sys/kernel/domainname || echo refused',
          shows: '0\nrefused',
        },
        {
          options: '--security-opt systempaths=unconfined',
          run: 'grep -c " /proc/" /proc/self/mounts; echo x >/proc/sys/kernel/domainname; cat /proc/sys/kernel/domainname',
          shows: '0\nx',
        },
        {
          options: '--privileged',
          run: `${status('Seccomp')}; test -b /dev/loop0 && echo device; grep -c " /proc/" /proc/self/mounts; mount -t tmpfs x /tmp && echo mounted`,
          shows: '0\ndevice\n0\nmounted',
        },
        { options: '--read-only', run: 'touch /x || touch /dev/shm/x && echo shm', shows: 'shm' },
      ],
    );
  });

  describe('devices', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: '--device /dev/fuse',
          run: 'test -c /dev/fuse && dd if=/dev/fuse bs=1 count=0 && echo ok',
          shows: 'ok',
        },
        { options: '--device /dev/zero:/dev/nil:r', run: 'head -c1 /dev/nil | wc -c', shows: '1' },
        {
          options: '--device /dev/loop0:/dev/disk:r',
          run: 'head -c0 /dev/disk && (: >>/dev/disk)',
          code: 1,
          says: /not permitted/,
        },
        { options: '--device /dev/nosuch', code: 127, says: /"\/dev\/nosuch": no such file/ },
        {
          options: ['--device-cgroup-rule', 'b 7:* rwm'],
          run: 'mknod /dev/l b 7 0 && head -c0 /dev/l && echo ok',
          shows: 'ok',
        },
        { options: '', run: 'mknod /dev/l b 7 0 && head -c1 /dev/l', code: 1, says: /not permitted/ },
        { options: ['--device-cgroup-rule', 'x 1:1 r'], code: 125, says: /invalid device cgroup format/ },
        { options: '--gpus all', code: 125, says: /unresolvable CDI devices nvidia\.com\/gpu=all/ },
        {
          options: `--device ${vendor}/thing=one`,
          run: 'echo $THING; head -c1 /dev/thing | wc -c; cat /thing-library; touch /thing-library',
          code: 1,
          shows: 'one\n1\nof the vendor',
          says: /Read-only/,
        },
        { options: `--device ${vendor}/thing=none`, code: 125, says: /unresolvable CDI devices/ },
      ],
    );

    it('with hooks of the Container Device Interface run them', async () => {
      await daemon.ok(
        'run',
        '--rm',
        '--network',
        'none',
        '--device',
        `${vendor}/thing=one`,
        'busybox',
        'true',
      );
      assert.match(readFileSync(join(folder, 'hooked'), 'utf8'), /"status" *: *"created"/);
    });
  });

  describe('environment, names and limits of the process', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: ['-e', 'A=b c', '-e', 'PATH'], run: 'echo "$A"', shows: 'b c' },
        {
          options: '--hostname me --domainname x.org',
          run: 'hostname; cat /proc/sys/kernel/domainname',
          shows: 'me\nx.org',
        },
        { options: `--hostname ${'x'.repeat(65)}`, code: 125, says: /hostname/ },
        { options: '--ulimit nofile=100:200', run: 'ulimit -n; ulimit -Hn', shows: '100\n200' },
        { options: '--ulimit core=0', run: 'ulimit -c', shows: '0' },
        { options: '--ulimit nosuch=1', code: 125, says: /invalid ulimit type: nosuch/ },
        { options: '--oom-score-adj 500', run: 'cat /proc/self/oom_score_adj', shows: '500' },
        { options: '--oom-score-adj 1001', code: 125, says: /range for oom score adj is/ },
        {
          options: '--sysctl net.ipv4.ip_forward=0 --network none',
          run: 'cat /proc/sys/net/ipv4/ip_forward',
          shows: '0',
        },
        { options: '--sysctl kernel.msgmax=4096', run: 'cat /proc/sys/kernel/msgmax', shows: '4096' },
        { options: '--sysctl vm.swappiness=5', code: 125, says: /vm\.swappiness/ },
        {
          options: '--sysctl net.core.somaxconn=5 --network host',
          code: 125,
          says: /sysctl `net\.core\.somaxconn` requires a new network namespace/,
        },
        { options: '--init', run: 'cat /proc/1/comm', shows: /init/ },
        { options: '--init --pid host', code: 0 },
        { options: ['--entrypoint', ''], run: 'echo $0', shows: 'sh' },
        { options: '--entrypoint /bin/echo', run: 'x', shows: 'sh -c x' },
      ],
    );
  });

  describe('namespaces', { concurrency: 2 }, () => {
    // The ids of the namespaces that are the host's, of those that can be shared with it.
    const shared = (...names: string[]): string =>
      names.map((name) => `readlink /proc/self/ns/${name}`).join('; ');
    const ofHost = (...names: string[]): string =>
      names.map((name) => readlinkSync(`/proc/self/ns/${name}`)).join('\n');
    optionCases(
      () => daemon,
      [
        {
          options: '--ipc none',
          run: 'test -e /dev/shm || echo none; grep -c /dev/shm /proc/self/mounts',
          code: 1,
          shows: /0$/,
        },
        { options: '--ipc odd', code: 125, says: /invalid IPC mode: odd/ },
        { options: '--ipc container:nosuch', code: 125, says: /No such container: nosuch/ },
        { options: '--pid odd', code: 125, says: /invalid PID mode/ },
        { options: '--uts odd', code: 125, says: /invalid UTS mode/ },
        { options: '--cgroupns odd', code: 125, says: /invalid CGROUP mode/ },
        { options: '--userns odd', code: 125, says: /invalid USER mode/ },
        { options: '--cgroupns private', run: 'grep -v ":/$" /proc/self/cgroup | wc -l', shows: '0' },
        { options: '--network host --hostname x', run: 'hostname', shows: 'x' },
        {
          options: '--uts host --hostname x',
          code: 125,
          says: /conflicting options: hostname and the UTS mode/,
        },
        {
          options: '--ipc host --pid host --uts host --cgroupns host --userns host --network host',
          run: shared('ipc', 'pid', 'uts', 'cgroup', 'user', 'net'),
          shows: ofHost('ipc', 'pid', 'uts', 'cgroup', 'user', 'net'),
        },
        {
          options: '--shm-size 5m',
          run: 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2',
          shows: '5120',
        },
        {
          options: '--shm-size 0',
          run: 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2',
          shows: '65536',
        },
      ],
    );
  });
});
