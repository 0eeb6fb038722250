import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { optionCases } from '../../support/option-cases.ts';

// Every Debian has the user; nothing runs as it.
const user = 'games';
const root = { uid: 2_000_000, gid: 2_100_000 };
const files: [string, string][] = [
  ['/etc/subuid', `${user}:${root.uid}:65536\n`],
  ['/etc/subgid', `${user}:${root.gid}:65536\n`],
];
const scratch = mkdtempSync('/var/tmp/berth-userns-');
const settings = join(scratch, 'config.toml');

function ownerOf(path: string): { uid: number; gid: number } {
  const { uid, gid } = statSync(path);
  return { uid, gid };
}

describe('a daemon with userns-remap', { concurrency: 1 }, () => {
  let daemon: TestDaemon;
  const undo = new AsyncDisposableStack();
  const pidOf = (name: string): Promise<string> => daemon.ok('inspect', '-f', '{{.State.Pid}}', name);
  const upperOf = async (name: string): Promise<string> => {
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', name);
    return join(daemon.root, `${root.uid}.${root.gid}`, 'snapshots/active', id, 'upper');
  };

  before(async () => {
    undo.defer(() => rmSync(scratch, { recursive: true }));
    for (const [path, line] of files) {
      writeFileSync(path, `${existsSync(path) ? readFileSync(path, 'utf8') : ''}${line}`);
      undo.defer(() => writeFileSync(path, readFileSync(path, 'utf8').replace(line, '')));
    }
    chmodSync(scratch, 0o755);
    writeFileSync(settings, `userns-remap = "${user}"\n`);
    daemon = undo.use(await startDaemon({ environment: { BERTH_CONFIG: settings } }));
    await daemon.loadBusybox();
    await daemon.ok(
      ...[
        'run',
        '-d',
        '--name',
        'main',
        '-v',
        'named:/named',
        '-v',
        `${scratch}:/host`,
        'busybox',
        'sh',
        '-c',
      ],
      'echo of-root >/file; chown 5:6 /file; touch /named/file; echo started; exec sleep 600',
    );
  });
  after(async () => {
    await undo.disposeAsync();
  });

  it('tells it, and keeps its data apart from those of a daemon without', async () => {
    assert.match(await daemon.ok('info', '-f', '{{.SecurityOptions}}'), /name=userns/);
    assert.equal(
      await daemon.ok('info', '-f', '{{.DockerRootDir}}'),
      join(daemon.root, `${root.uid}.${root.gid}`),
    );
  });

  it("runs root as nobody of the host, in the container's eyes and the host's", async () => {
    const pid = await pidOf('main');
    const maps = `0 ${root.uid} 65536\n0 ${root.gid} 65536`;
    const inside = await daemon.ok('exec', 'main', 'cat', '/proc/self/uid_map', '/proc/self/gid_map');
    assert.equal(inside.replaceAll(/^ +/gm, '').replaceAll(/ +/g, ' '), maps);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, new RegExp(`^Uid:(\t${root.uid}){4}$`, 'm'));
    assert.match(status, new RegExp(`^Gid:(\t${root.gid}){4}$`, 'm'));
    assert.match(await daemon.ok('top', 'main', '-eo', 'pid,uid'), new RegExp(`${pid} +${root.uid}`));
  });

  it("has the host's ids on disk and the container's own inside", async () => {
    const upper = await upperOf('main');
    assert.deepEqual(ownerOf(join(upper, 'file')), { uid: root.uid + 5, gid: root.gid + 6 });
    const volume = join(daemon.root, `${root.uid}.${root.gid}`, 'volumes/named/_data');
    for (const path of [volume, join(volume, 'file')]) assert.deepEqual(ownerOf(path), root);
    assert.equal(
      await daemon.ok(
        'exec',
        'main',
        'stat',
        '-c',
        '%u:%g',
        '/file',
        '/named',
        '/bin',
        '/etc/hosts',
        '/dev/shm',
      ),
      '5:6\n0:0\n0:0\n0:0\n0:0',
    );
  });

  it('keeps root of a container from what is of root on the host', async () => {
    writeFileSync(join(scratch, 'secret'), 'secret', { mode: 0o600 });
    writeFileSync(join(scratch, 'public'), 'public', { mode: 0o644 });
    const script = 'cat /host/public; cat /host/secret || echo x >/host/public || chown 0 /host/public';
    const { code, stdout, stderr } = await daemon.docker('exec', 'main', 'sh', '-c', script);
    assert.equal(code, 1);
    assert.equal(stdout, 'public');
    assert.match(stderr, /secret.*Permission denied[^]*public.*Permission denied[^]*chown.*not permitted/);
    assert.equal(readFileSync(join(scratch, 'public'), 'utf8'), 'public');
    await daemon.ok('run', '--rm', '-v', `${scratch}/made/by:/by`, 'busybox', 'touch', '/by/root');
    for (const path of ['made', 'made/by', 'made/by/root'])
      assert.deepEqual(ownerOf(join(scratch, path)), root);
  });

  it('shows logs, statistics, changes and lets processes open their streams anew', async () => {
    assert.equal(await daemon.ok('logs', 'main'), 'started');
    assert.match(
      await daemon.ok('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'main'),
      /^main 1$/,
    );
    assert.equal(await daemon.ok('diff', 'main'), 'A /file\nA /host\nA /named');
    const reopen = 'echo out >/dev/stdout; echo err >/dev/stderr; tty || true';
    const exec = await daemon.docker('exec', '-u', '7', 'main', 'sh', '-c', reopen);
    assert.deepEqual([exec.stdout, exec.stderr], ['out\nnot a tty\n', 'err\n']);
    const main = await daemon.docker('run', '--rm', '-u', '7', 'busybox', 'sh', '-c', reopen);
    assert.deepEqual([main.stdout, main.stderr], ['out\nnot a tty\n', 'err\n']);
    assert.match(
      await daemon.ok('run', '--rm', '-t', 'busybox', 'sh', '-c', 'tty; echo y >/dev/console'),
      /pts[^]*y/,
    );
  });

  it("copies, exports and commits with the container's ids", async () => {
    const owners = `tar -t --numeric-owner -vf - | awk '{print $2, $6}'`;
    const shell = (command: string): Promise<string> =>
      run('sh', ['-c', command], { environment: daemon.environment }).then(({ stdout }) => stdout);
    assert.equal(await shell(`docker cp main:/file - | ${owners}`), '5/6 file\n');
    assert.match(await shell(`docker export main | ${owners}`), /^0\/0 bin\/$[^]*^5\/6 file$/m);
    writeFileSync(join(scratch, 'given'), 'given');
    await daemon.ok('cp', join(scratch, 'given'), 'main:/given');
    await daemon.ok('cp', join(scratch, 'given'), 'main:/named/given');
    assert.equal(await daemon.ok('exec', 'main', 'stat', '-c', '%u', '/given', '/named/given'), '0\n0');
    assert.deepEqual(ownerOf(join(await upperOf('main'), 'given')), root);
    await daemon.ok('commit', 'main', 'committed');
    const shown = await daemon.ok(
      'run',
      '--rm',
      'committed',
      'stat',
      '-c',
      '%u:%g',
      '/file',
      '/given',
      '/bin/sh',
    );
    assert.equal(shown, '5:6\n0:0\n0:0');
    // In no layer is an owner of the host; archives have them in octal digits.
    const saved = `docker save committed | tar -xO --wildcards 'blobs/sha256/*'`;
    assert.equal(await shell(`${saved} | grep -a -c ${root.uid.toString(8)}`), '0\n');
  });

  it('builds in containers that are remapped too, and files with their own ids', async () => {
    const context = join(scratch, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'a'), 'a');
    const steps = [
      'FROM busybox AS one',
      'RUN cat /proc/self/uid_map && touch /made && chown 7:8 /made',
      'WORKDIR /made-by/deep',
      'COPY a /made-by/a',
      'COPY --chown=9:10 a /made-by/b',
      'RUN stat -c "%u:%g %n" /made-by/deep /made-by/a /made-by/b /made && echo more >>/made-by/a',
      'FROM busybox',
      'COPY --from=one /made-by/a /a',
      'RUN cat /a',
    ];
    writeFileSync(join(context, 'Dockerfile'), steps.join('\n'));
    const built = await daemon.ok('build', '-t', 'built', context, { environment: { DOCKER_BUILDKIT: '0' } });
    assert.match(built, new RegExp(`^ +0 +${root.uid} +65536$`, 'm'));
    assert.match(built, /^0:0 \/made-by\/deep\n0:0 \/made-by\/a\n9:10 \/made-by\/b\n7:8 \/made$/m);
    assert.match(built, /^amore$/m);
    assert.equal(await daemon.ok('run', '--rm', 'built', 'stat', '-c', '%u:%g', '/a'), '0:0');
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nCOPY --chown=70000 a /a\n');
    const refused = await daemon.docker('build', context, { environment: { DOCKER_BUILDKIT: '0' } });
    assert.match(refused.stderr, /cannot be mapped to a host ID/);
  });

  describe('options', { concurrency: 2 }, () => {
    const shows = (...values: string[]): string => values.join('\n');
    optionCases(
      () => daemon,
      [
        { options: '--privileged', code: 125, says: /privileged mode is incompatible with user namespaces/ },
        { options: '--network host', code: 125, says: /cannot share the host's network namespace/ },
        { options: '--pid host', code: 125, says: /cannot share the host PID namespace/ },
        { options: '--ipc host', code: 125, says: /cannot share the host's IPC namespace/ },
        {
          options: '--privileged --network host --pid host --ipc host --userns host',
          run: 'tr -s " " </proc/self/uid_map; stat -c %u /bin/sh /proc',
          shows: new RegExp(`0 0 4294967295\n${root.uid}\n0$`),
        },
        { options: '--network none', run: 'cat /sys/class/net/lo/mtu', shows: '65536' },
        {
          options: '--cap-add NET_ADMIN',
          run: 'ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu',
          shows: '1400',
        },
        { options: '--sysctl net.ipv4.ip_forward=0', run: 'cat /proc/sys/net/ipv4/ip_forward', shows: '0' },
        { options: '--network container:main --pid container:main', run: 'cat /proc/1/comm', shows: 'sleep' },
        { options: '--user 70000', code: 125, says: /setresuid|70000/ },
        {
          options: '--user 1000:1000 --tmpfs /t --workdir /made',
          run: 'touch /t/f; stat -c %u /t /t/f /made',
          shows: shows('0', '1000', '0'),
        },
        {
          options: '--shm-size 1m --ipc shareable',
          run: 'touch /dev/shm/f; stat -c %u /dev/shm /dev/shm/f',
          shows: shows('0', '0'),
        },
        {
          options: '--read-only --init --device /dev/zero:/dev/other',
          run: 'head -c 3 /dev/other | wc -c',
          shows: '3',
        },
        { options: '--runtime runc', run: 'tr -s " " </proc/self/uid_map', shows: ` 0 ${root.uid} 65536` },
      ],
    );
  });

  it('reaches others by name and is reached at a published port', async () => {
    await daemon.ok('network', 'create', 'net');
    const serve = 'mkdir /w && echo hello >/w/index.html && exec httpd -f -p 80 -h /w';
    await daemon.ok(
      ...['run', '-d', '--name', 'server', '--network', 'net', '-p', '127.0.0.1::80'],
      ...[
        '--health-cmd',
        'wget -qO- http://127.0.0.1/',
        '--health-interval',
        '100ms',
        'busybox',
        'sh',
        '-c',
        serve,
      ],
    );
    const fetch = 'until wget -qO- http://server/; do :; done';
    assert.equal(await daemon.ok('run', '--rm', '--network', 'net', 'busybox', 'sh', '-c', fetch), 'hello');
    const port = await daemon.ok('port', 'server', '80');
    assert.equal((await run('wget', ['-qO-', `http://${port}/`])).stdout, 'hello\n');
    await daemon.ok('rm', '-f', 'server');
  });

  it('restarts, and is taken over by a daemon that comes after a killed one', async () => {
    await daemon.ok('restart', '-t', '0', 'main');
    const pid = await pidOf('main');
    await daemon.kill9();
    await daemon.start();
    assert.equal(await pidOf('main'), pid);
    assert.equal(await daemon.ok('exec', 'main', 'stat', '-c', '%u:%g', '/file'), '5:6');
    // The network still belongs to the user namespace of before.
    const joined = await daemon.ok(
      'run',
      '--rm',
      '--network',
      'container:main',
      'busybox',
      'cat',
      '/sys/class/net/lo/mtu',
    );
    assert.equal(joined, '65536');
  });

  it('refuses layers with owners that have no id on the host', async () => {
    const folder = join(scratch, 'big');
    mkdirSync(folder);
    await run('sh', ['-c', 'touch f && chown 70000 f && tar -cf ../big.tar f'], { cwd: folder });
    const { code, stderr } = await daemon.docker('import', join(scratch, 'big.tar'), 'big');
    assert.equal(code, 1);
    assert.match(stderr, /container ID 70000 cannot be mapped to a host ID/);
  });
});

describe('a daemon with a userns-remap that cannot be', () => {
  for (const [setting, says] of [
    ['nobody-has-ranges', /\/etc\/subuid has no range for 'nobody-has-ranges'/],
    ['root', /root cannot be remapped/],
  ] as const)
    it(`does not start: ${setting}`, async () => {
      const folder = mkdtempSync('/var/tmp/berth-userns-');
      const config = join(folder, 'config.toml');
      writeFileSync(config, `userns-remap = "${setting}"\n`);
      await assert.rejects(startDaemon({ environment: { BERTH_CONFIG: config } }), says);
      rmSync(folder, { recursive: true });
    });
});
