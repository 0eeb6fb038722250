import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { optionCases } from '../../support/option-cases.ts';

// Known before the daemon is: the cases name it.
const folder = mkdtempSync('/var/tmp/berth-mounts-');
const nested = join(folder, 'nested');
const options = (path: string): string => `grep ' ${path} ' /proc/self/mountinfo`;

describe('options for mounts', { concurrency: 2 }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    writeFileSync(join(folder, 'file'), 'of the host');
    mkdirSync(nested);
    execFileSync('mount', ['-t', 'tmpfs', 'nested', nested]);
    execFileSync('mount', ['--make-shared', nested]);
    writeFileSync(join(nested, 'inner'), 'inner');
    const fill =
      'mkdir -p /v/a/b; echo deep >/v/a/b/f; ln -s /etc /v/out; ln -s a/b /v/in; echo one >/v/a/file';
    await daemon.ok('run', '--rm', '--network', 'none', '-v', 'vol:/v', 'busybox', 'sh', '-c', fill);
    const donor = ['-v', 'vol:/shared', '-v', `${folder}:/bound:ro`, '-v', '/anonymous'];
    await daemon.ok('create', '--name', 'donor', '--network', 'none', ...donor, 'busybox');
  });
  after(async () => {
    execFileSync('umount', [nested]);
    rmSync(folder, { recursive: true });
    await daemon[Symbol.asyncDispose]();
  });

  describe('binds', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: `-v ${folder}:/m`, run: 'cat /m/file /m/nested/inner', shows: 'of the hostinner' },
        { options: `-v ${folder}:/m:ro`, run: 'touch /m/x', code: 1, says: /Read-only/ },
        { options: `-v ${folder}:/m:ro`, run: 'touch /m/nested/x', code: 1, says: /Read-only/ },
        { options: `-v ${folder}:/m:odd`, code: 125, says: /invalid mode: odd/ },
        { options: `-v ${folder}/file:/f`, run: 'cat /f', shows: 'of the host' },
        { options: `-v ${folder}/file:/new:ro`, run: 'cat /new', shows: 'of the host' },
        { options: `-v ${folder}/file:/new:ro`, run: 'echo x >/new', code: 1, says: /Read-only/ },
        {
          options: `-v ${folder}:/m:rslave`,
          code: 125,
          says: /is mounted on .* but it is not a shared or slave mount/,
        },
        { options: `-v ${nested}:/m:rslave`, run: options('/m'), shows: / master:\d+ / },
        {
          options: `-v ${folder}:/m`,
          run: `${options('/m')} | grep -cE 'shared:|master:'`,
          code: 1,
          shows: '0',
        },
        {
          options: `--mount type=bind,src=${nested},dst=/m,bind-propagation=rshared`,
          run: options('/m'),
          shows: / shared:\d+ /,
        },
        {
          options: `--mount type=bind,src=${folder},dst=/m,ro`,
          run: 'touch /m/nested/x',
          code: 1,
          says: /Read-only/,
        },
        {
          options: `--mount type=bind,src=${folder},dst=/m,ro,bind-recursive=writable`,
          run: 'touch /m/nested/w && echo ok; touch /m/x',
          code: 1,
          shows: 'ok',
        },
        {
          options: `--mount type=bind,src=${folder},dst=/m,ro,bind-recursive=readonly,bind-propagation=rprivate`,
          run: 'touch /m/nested/x',
          code: 1,
          says: /Read-only/,
        },
        {
          options: `--mount type=bind,src=${folder},dst=/m,bind-recursive=disabled`,
          run: 'ls /m/nested',
          shows: '',
        },
        {
          options: `--mount type=bind,src=${folder}/nosuch,dst=/m`,
          code: 125,
          says: /bind source path does not exist/,
        },
        {
          options: `--mount type=bind,src=rel,dst=/m`,
          code: 125,
          says: /must be absolute|bind source path does not exist/,
        },
        {
          options: `--mount type=bind,src=${folder},dst=/m -v ${folder}:/m`,
          code: 125,
          says: /Duplicate mount point: \/m/,
        },
      ],
    );
  });

  describe('tmpfs', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: '--tmpfs /t', run: options('/t'), shows: /nosuid,nodev,noexec/ },
        {
          options: '--tmpfs /t:size=1m,exec,mode=700,uid=5',
          run: `${options('/t')}; stat -c '%a %u' /t`,
          shows: /rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=1024k,mode=700,uid=5[^]*\n700 5$/,
        },
        { options: '--tmpfs /t:odd=1', code: 125, says: /invalid tmpfs option \["odd=1"\]/ },
        {
          options: '--mount type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=1770',
          run: `df -k /t | tail -1 | tr -s ' ' | cut -d' ' -f2; stat -c %a /t`,
          shows: '2048\n1770',
        },
        { options: '--mount type=tmpfs,dst=/t,ro', run: 'touch /t/x', code: 1, says: /Read-only/ },
        { options: '--mount type=tmpfs,src=x,dst=/t', code: 125, says: /must not be specified/ },
      ],
    );
  });

  describe('volumes', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        { options: '-v vol:/v:ro', run: 'touch /v/x', code: 1, says: /Read-only/ },
        { options: '-v new:/etc:nocopy', run: 'ls /etc/passwd', code: 1 },
        { options: '--mount type=volume,src=copied,dst=/etc', run: 'ls /etc/passwd', shows: '/etc/passwd' },
        { options: '--mount type=volume,src=bare,dst=/etc,volume-nocopy', run: 'ls /etc/passwd', code: 1 },
        {
          options: '--mount type=volume,dst=/v,ro',
          code: 125,
          says: /type "volume": must not set ReadOnly mode when using anonymous volumes/,
        },
        {
          options: '--mount type=volume,dst=v',
          code: 125,
          says: /daemon: invalid mount config for type "volume": invalid mount path: 'v' mount path must be/,
        },
        { options: '--tmpfs rel', code: 125, says: /daemon: invalid mount path: 'rel' mount path must be/ },
        { options: '--tmpfs /', code: 125, says: /destination can't be '\/'/ },
        { options: '-v x-y:/t --tmpfs /t', code: 125, says: /Duplicate mount point: \/t/ },
        { options: '--mount type=volume,src=vol,dst=/s,volume-subpath=a/b', run: 'cat /s/f', shows: 'deep' },
        { options: '--mount type=volume,src=vol,dst=/s,volume-subpath=in', run: 'cat /s/f', shows: 'deep' },
        { options: '--mount type=volume,src=vol,dst=/s,volume-subpath=a/file', run: 'cat /s', shows: 'one' },
        {
          options: '--mount type=volume,src=vol,dst=/s,volume-subpath=a,ro',
          run: 'touch /s/x',
          code: 1,
          says: /Read-only/,
        },
        {
          options: '--mount type=volume,src=vol,dst=/s,volume-subpath=nosuch',
          code: 127,
          says: /nosuch.*no such file or directory/,
        },
        { options: '--mount type=volume,src=vol,dst=/s,volume-subpath=../x', code: 125, says: /subpath/i },
        {
          options: '--mount type=volume,src=vol,dst=/s,volume-subpath=out',
          code: 127,
          says: /out.*no such file or directory/,
        },
        {
          options:
            '--mount type=volume,src=sized,dst=/v,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=3m',
          run: `df -k /v | tail -1 | tr -s ' ' | cut -d' ' -f2`,
          shows: '3072',
        },
        {
          options: `--mount type=volume,src=binding,dst=/v,volume-opt=type=none,volume-opt=device=${folder},volume-opt=o=bind`,
          run: 'cat /v/file',
          shows: 'of the host',
        },
        {
          options: '--mount type=volume,src=odd,dst=/v,volume-opt=odd=1',
          code: 125,
          says: /invalid option: "odd"/,
        },
        {
          options: '--mount type=volume,src=other,dst=/v,volume-driver=odd',
          code: 125,
          says: /plugin "odd" not found/,
        },
        { options: '-v xx:/v --volume-driver odd', code: 125, says: /plugin "odd" not found/ },
        { options: '-v a/b:/v', code: 125, says: /invalid characters for a local volume name/ },
        {
          options: '--volumes-from donor',
          run: 'cat /shared/a/file; touch /shared/w; ls -d /anonymous; touch /bound/x',
          code: 1,
          shows: 'one\n/anonymous',
        },
        { options: '--volumes-from donor:ro', run: 'touch /shared/x', code: 1, says: /Read-only/ },
        { options: '--volumes-from nosuch', code: 125, says: /No such container: nosuch/ },
      ],
    );

    it('get the labels of --mount', async () => {
      const mount = 'type=volume,src=labelled,dst=/v,volume-label=a=b';
      await daemon.ok('run', '--rm', '--network', 'none', '--mount', mount, 'busybox', 'true');
      assert.equal(await daemon.ok('volume', 'inspect', '-f', '{{.Labels.a}}', 'labelled'), 'b');
    });
  });

  describe('images and the rest', { concurrency: 2 }, () => {
    optionCases(
      () => daemon,
      [
        {
          options: '--mount type=image,src=busybox,dst=/i,ro',
          run: 'cat /i/etc/passwd | head -1; touch /i/x',
          code: 1,
          shows: /^root:/,
          says: /Read-only/,
        },
        {
          options: '--mount type=image,src=busybox,dst=/i,image-subpath=etc',
          run: 'head -1 /i/passwd',
          shows: /^root:/,
        },
        {
          options: '--mount type=image,src=busybox,dst=/i',
          run: 'ls /i/bin/busybox; echo x >/i/x',
          code: 1,
          shows: '/i/bin/busybox',
          says: /Read-only/,
        },
        { options: '--mount type=image,src=nosuch,dst=/i', code: 125, says: /nosuch/ },
        { options: '--mount type=odd,dst=/x', code: 125, says: /odd/ },
        { options: '--storage-opt size=1g', code: 125, says: /storage option 'size' .* not supported/ },
        { options: '--runtime odd', code: 125, says: /unknown or invalid runtime name: odd/ },
      ],
    );

    it('makes a missing source for bind-create-src', async () => {
      const source = join(folder, 'made');
      const BindOptions = { CreateMountpoint: true };
      const body = {
        Image: 'busybox',
        HostConfig: { Mounts: [{ Type: 'bind', Source: source, Target: '/m', BindOptions }] },
      };
      const { status } = await daemon.api('POST', '/containers/create?name=creates', body);
      assert.equal(status, 201);
      assert.ok(existsSync(source));
    });
  });
});
