import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { instanceOf } from '#domain/instance.ts';
import { callApi } from '../../support/api.ts';
import { run, type RunResult } from '../../support/docker.ts';
import { removeInstance } from '../../support/leaks.ts';

const launcher = new URL('../../../berth', import.meta.url).pathname;
const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;
const berth = (args: string[], environment: Record<string, string> = {}): Promise<RunResult> =>
  run(launcher, args, { environment: { BERTH_CONFIG: '/dev/null', ...environment } });

async function scratch(t: TestContext): Promise<string> {
  const path = await mkdtemp('/var/tmp/b-');
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('setup on a machine that is ready says so, changes nothing and is quick', async () => {
  const setting = '/etc/sysctl.d/60-berth.conf';
  assert.equal((await berth(['setup'])).code, 0);
  const before = await stat(setting);
  const started = performance.now();
  const again = await berth(['setup']);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /ok +all packages are installed\nok +IPv4 forwarding is on\n/);
  assert.doesNotMatch(again.stdout, /done/);
  assert.equal((await stat(setting)).mtimeMs, before.mtimeMs);
  assert.ok(performance.now() - started < 5000, 'a setup with nothing to do took long');
});

test('setup without root says what is missing and that only root can change it', async () => {
  // A user namespace without a mapping: not root, and the files can still be read.
  const without = (forwarding: '0' | '1'): Promise<RunResult> =>
    run('unshare', [
      ...['--net', 'sh', '-c'],
      `echo ${forwarding} > /proc/sys/net/ipv4/ip_forward; exec unshare --user ${launcher} setup`,
    ]);
  const lacking = await without('0');
  assert.equal(lacking.code, 1);
  assert.match(lacking.stdout, /need +IPv4 forwarding is off/);
  assert.match(lacking.stderr, /missing, and only root can change that\n.*run: sudo berth setup/);
  const ready = await without('1');
  assert.equal(ready.code, 0, ready.stdout + ready.stderr);
  assert.match(ready.stdout, /ok +nothing is missing/);
});

test('doctor finds the firewall of others that drops what is forwarded', async () => {
  const rules =
    'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }';
  const { stdout } = await run('unshare', [
    ...['--net', 'sh', '-c'],
    `nft '${rules}' && exec ${launcher} doctor`,
  ]);
  assert.match(stdout, /warn +firewall +forwarded traffic is dropped by the policy of ip filter FORWARD: /);
  assert.match(stdout, /fix: allow it there: 'iptables -P FORWARD ACCEPT'/);
});

test('doctor finds this machine fit, and says for each check what it saw', async () => {
  const { code, stdout, stderr } = await berth(['doctor', '--json']);
  assert.equal(code, 0, stdout + stderr);
  const parse: (text: string) => {
    ok: boolean;
    checks: { id: string; result: string; reason: string; fix?: string }[];
  } = JSON.parse;
  const { ok, checks } = parse(stdout);
  assert.equal(ok, true);
  const ids = checks.map(({ id }) => id);
  for (const id of [
    'kernel',
    'cgroups',
    'overlayfs',
    'nftables',
    'namespaces',
    'seccomp',
    'mmdebstrap',
    'disk',
    'clock',
    'dns-port',
  ])
    assert.ok(ids.includes(id), id);
  for (const name of ['crun', 'conmon', 'haproxy', 'mmdebstrap'])
    assert.match(checks.find(({ id }) => id === name)?.reason ?? '', new RegExp(`^${name} \\d+\\.\\d+`));
  for (const { id, result, reason, fix } of checks) {
    assert.ok(reason.length > 0, id);
    assert.equal(fix === undefined, result === 'pass', id);
  }
});

test('doctor exits with 1 and tells the fix when something is missing', async () => {
  const { code, stdout } = await run(process.execPath, [program, 'doctor'], {
    environment: { PATH: '/nowhere' },
  });
  assert.equal(code, 1);
  assert.match(stdout, /fail +crun +crun is not installed\n +fix: sudo berth setup/);
});

test('config shows every setting with its source, as a table and as JSON', async (t) => {
  const path = join(await scratch(t), 'config.toml');
  await writeFile(path, '[log]\nlevel = "warn"\n');
  const table = await berth(['config'], { BERTH_CONFIG: path, BERTH_ROOT: '/srv/b' });
  assert.match(table.stdout, new RegExp(`log.level +"warn" +${path}:2\n`));
  assert.match(table.stdout, /root +"\/srv\/b" +environment BERTH_ROOT\n/);
  const json = await berth(['config', '--json'], { BERTH_CONFIG: path });
  const parse: (text: string) => { key: string; value: unknown; source: string }[] = JSON.parse;
  assert.deepEqual(
    parse(json.stdout).find(({ key }) => key === 'log.level'),
    { key: 'log.level', value: 'warn', source: `${path}:2` },
  );
});

test('a settings file that is named but missing, or wrong, is an error', async (t) => {
  const folder = await scratch(t);
  const missing = await berth(['config'], { BERTH_CONFIG: join(folder, 'none.toml') });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /the settings file '.*none.toml' cannot be read/);
  const path = join(folder, 'c.toml');
  await writeFile(path, 'rot = "/x"');
  const wrong = await berth(['config'], { BERTH_CONFIG: path });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^berth: .*c\.toml:1: unknown key 'rot', did you mean 'root'\?\n/);
  assert.doesNotMatch(wrong.stderr, /cannot be read/);
});

test('wrong usage exits with 2 and names the nearest word', async () => {
  const command = await berth(['dokter']);
  assert.equal(command.code, 2);
  assert.match(command.stderr, /unknown command 'dokter'\n\(Did you mean doctor\?\)/);
  const flag = await berth(['doctor', '--jsn']);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /unknown option '--jsn'\n\(Did you mean --json\?\)/);
});

test('help has examples, and output that is no terminal has no colours', async () => {
  for (const command of ['setup', 'doctor', 'config', 'daemon', 'version']) {
    const { code, stdout } = await berth([command, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, /Examples:\n {2}\$ /, command);
  }
  assert.ok(!(await berth(['doctor'])).stdout.includes('\u001b'));
});

test('version works without a daemon', async (t) => {
  const folder = await scratch(t);
  const { code, stdout } = await berth(['version'], { BERTH_RUN: folder });
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^berth \\d.*\ndaemon: none answers on unix://${folder}/berth.sock`));
});

test('a daemon that none started is started detached, once, with a pid file and a log', async (t) => {
  const folder = await mkdtemp('/var/tmp/b-');
  const [root, runFolder] = [join(folder, 'root'), join(folder, 'run')];
  const script = new URL('./ensure-daemon.ts', import.meta.url).pathname;
  const environment = { BERTH_ROOT: root, BERTH_RUN: runFolder, BERTH_CONFIG: '/dev/null' };
  const first = await run(process.execPath, [script], { environment });
  const pid = Number(await readFile(join(runFolder, 'daemon.pid'), 'utf8'));
  t.after(async () => {
    process.kill(pid, 'SIGTERM');
    await run('tail', [`--pid=${pid}`, '-f', '/dev/null']);
    await removeInstance(instanceOf(root, runFolder));
    await rm(folder, { recursive: true });
  });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, new RegExp(`started the daemon \\(process ${pid}, log ${root}/daemon.log\\)`));
  assert.equal((await callApi(join(runFolder, 'berth.sock'), 'GET', '/_ping')).text, 'OK');
  const second = await run(process.execPath, [script], { environment });
  assert.deepEqual([second.code, second.stderr], [0, '']);
  assert.match(await readFile(join(root, 'daemon.log'), 'utf8'), /"msg":"ready"/);
});
