import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const shop = {
  'compose.yaml': `
include: [db/compose.yaml]
services:
  web:
    extends: { file: common/base.yaml, service: base }
    environment: { COLOUR: "\${COLOUR:-red}" }
    links: ["db:database"]
  debug: { image: busybox, command: sleep 1000, profiles: [debug] }
`,
  'common/base.yaml': `
services:
  base:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    volumes: ["./shared:/shared"]
`,
  'common/shared/file': 'of the base\n',
  'db/compose.yaml': `
services:
  db:
    image: busybox
    command: "sh -c 'echo \${GREETING} >/tmp/greeting; sleep 1000'"
    stop_grace_period: 0s
`,
  'db/.env': 'GREETING=hello\n',
};

test('an app of several files runs: each file has its own folder and variables', async () => {
  const folder = await project('shop', shop);
  const { code, stderr } = await daemon.berth('up', '--yes', folder);
  assert.equal(code, 0, stderr);
  assert.equal(await daemon.ok('exec', 'shop-web-1', 'cat', '/shared/file'), 'of the base');
  assert.equal(await daemon.ok('exec', 'shop-db-1', 'cat', '/tmp/greeting'), 'hello');
  const address = '{{.NetworkSettings.Networks.shop_default.IPAddress}}';
  const db = await daemon.ok('inspect', '-f', address, 'shop-db-1');
  const found = await daemon.ok('exec', 'shop-web-1', 'ping', '-c', '1', '-W', '2', 'database');
  assert.ok(found.includes(`(${db})`), found);
  assert.equal((await daemon.berth('down', 'shop')).code, 0);
});

test('a config has the content that the compose file or a variable gives it, with owner and mode', async () => {
  const compose = `
services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    configs:
      - inline
      - { source: variable, target: /etc/shop/colour, uid: "7", gid: "8", mode: 0400 }
configs:
  inline: { content: "one: \${COLOUR}\\n" }
  variable: { environment: COLOUR }
`;
  const folder = await project('configs', { 'compose.yaml': compose, '.env': 'COLOUR=red\n' });
  const up = await daemon.berth('up', folder);
  assert.equal(up.code, 0, up.stderr);
  const inside = (...command: string[]): Promise<string> => daemon.ok('exec', 'configs-web-1', ...command);
  assert.equal(await inside('cat', '/inline'), 'one: red');
  assert.equal(await inside('cat', '/etc/shop/colour'), 'red');
  assert.equal(await inside('stat', '-c', '%u:%g %a', '/etc/shop/colour'), '7:8 400');
  assert.equal(await inside('stat', '-c', '%u:%g %a', '/inline'), '0:0 444');
  await writeFile(join(folder, '.env'), 'COLOUR=blue\n');
  assert.equal((await daemon.berth('up', folder)).code, 0);
  assert.equal(await inside('cat', '/inline'), 'one: blue');
  assert.equal((await daemon.berth('down', 'configs')).code, 0);
});

test('hooks run after the start and before the stop; an interface has the name that is asked for', async () => {
  const compose = `
services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    volumes: ["./shared:/shared"]
    post_start:
      - { command: "sh -c 'echo $$WORD in $$(pwd) >>/shared/log'", working_dir: /tmp, environment: [WORD=started] }
    networks: { default: { interface_name: shop0 } }
    pre_stop: [{ command: [sh, -c, "echo stopping >>/shared/log"] }]
`;
  const folder = await project('hooks', { 'compose.yaml': compose, 'shared/keep': '' });
  const up = await daemon.berth('up', folder);
  assert.equal(up.code, 0, up.stderr);
  assert.doesNotMatch(up.stderr, /not honoured/);
  assert.equal(await readFile(join(folder, 'shared/log'), 'utf8'), 'started in /tmp\n');
  assert.match(await daemon.ok('exec', 'hooks-web-1', 'ls', '/sys/class/net'), /shop0/);
  assert.equal((await daemon.berth('down', 'hooks')).code, 0);
  assert.equal(await readFile(join(folder, 'shared/log'), 'utf8'), 'started in /tmp\nstopping\n');
});

test('berth compose config prints all files as one, with the variables and profiles of the caller', async () => {
  const folder = await project('config', shop);
  const plain = await daemon.berth('compose', 'config', folder);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /^name: config\nservices:\n/);
  assert.match(plain.stdout, new RegExp(`source: ${folder}/common/shared\n`));
  assert.match(plain.stdout, /COLOUR: red/);
  assert.doesNotMatch(plain.stdout, /debug:/);
  const profile = await daemon.berth('compose', 'config', '--profile', 'debug', '-p', 'other', folder);
  assert.match(profile.stdout, /^name: other\nservices:\n {2}db:[\s\S]*\n {2}debug:\n/);
  const services = await daemon.berth('compose', 'config', '--services', folder);
  assert.equal(services.stdout, 'db\nweb\n');
  assert.equal((await daemon.berth('compose', 'config', '-q', folder)).stdout, '');
  await writeFile(join(folder, 'blue.env'), 'COLOUR=blue\n');
  const blue = await daemon.berth('compose', 'config', '--env-file', join(folder, 'blue.env'), folder);
  assert.match(blue.stdout, /COLOUR: blue/);
});

test('what berth compose config prints means the same when it is read again', async () => {
  const folder = await project('again', shop);
  const { stdout } = await daemon.berth('compose', 'config', folder);
  const again = await project('printed', { 'compose.yaml': stdout });
  assert.equal((await daemon.berth('compose', 'config', again)).stdout, stdout);
});

test('an error in an included file tells how the file came in', async () => {
  const folder = await project('wrong', {
    'compose.yaml': 'include: [a/compose.yaml]\nservices: { web: { image: busybox } }\n',
    'a/compose.yaml': 'services:\n  db: { imagee: busybox }\n',
  });
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /a\/compose\.yaml:2:9: services\.db\.imagee: the key 'imagee' is unknown/);
  assert.match(stderr, /included at compose\.yaml:1:11/);
});
