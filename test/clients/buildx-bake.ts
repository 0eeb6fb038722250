import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../support/docker.ts';
import { copyProgram, makeKey, startAgent } from '../support/ssh.ts';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

const bake = `
group "default" { targets = ["app", "other"] }
target "_common" { labels = { common = "yes" } }
target "base" { dockerfile-inline = "FROM busybox\\nRUN date +%s >/base\\n" }
target "app" {
  inherits = ["_common"]
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nCOPY f /f\\nCMD [\\"cat\\", \\"/base\\"]\\n"
  tags = ["bake/app"]
  output = ["type=image"]
  annotations = ["index-descriptor:noted=yes"]
}
target "other" {
  name = "other-\${word}"
  matrix = { word = ["one", "two"] }
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM busybox\\nARG WORD\\nCOPY --from=base /base /base\\nRUN echo $WORD >/word\\n"
  args = { WORD = word }
  tags = ["bake/other:\${word}"]
}
`;

/** Several targets at once, images in folders, and agents. */
export async function checkBake(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  const place = join(folder, 'bake');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'docker-bake.hcl'), bake);
  await writeFile(join(place, 'f'), 'file');
  await checks.check('bake: targets upon targets, a matrix, inheritance, annotations, --set', async () => {
    await docker.ok('buildx', 'bake', '--set', 'app.labels.set=by-hand', { cwd: place });
    const base = await docker.ok('run', '--rm', 'bake/app');
    for (const word of ['one', 'two'])
      assert.equal(
        await docker.ok('run', '--rm', `bake/other:${word}`, 'cat', '/base', '/word'),
        `${base}\n${word}`,
      );
    const labels = await docker.ok('inspect', '-f', '{{.Config.Labels}}', 'bake/app');
    assert.equal(labels, 'map[common:yes set:by-hand]');
    assert.equal(await docker.ok('inspect', '-f', '{{.Descriptor.annotations.noted}}', 'bake/app'), 'yes');
  });
  await checks.check('bake: a compose file', async () => {
    const file = join(place, 'compose.yaml');
    await writeFile(join(place, 'Dockerfile'), 'FROM busybox\nCOPY f /f\n');
    await writeFile(file, 'services:\n  web: { image: "bake/web", build: { context: ., args: { A: b } } }\n');
    await docker.ok('buildx', 'bake', '-f', file, { cwd: place });
    assert.equal(await docker.ok('run', '--rm', 'bake/web', 'cat', '/f'), 'file');
  });
  await checkLayout(checks, docker, place);
  await checkAgent(checks, docker, place);
  await checkCommandOptions(checks, docker, place);
}

async function checkLayout(checks: Checks, docker: DockerCommand, place: string): Promise<void> {
  await checks.check('--build-context of an OCI layout', async () => {
    const [archive, layout] = [join(place, 'layout.tar'), join(place, 'layout')];
    const input = Buffer.from('FROM busybox\nRUN echo of the layout >/made\n');
    await docker.ok('buildx', 'build', '-o', `type=oci,dest=${archive}`, '-', { input });
    await mkdir(layout);
    assert.equal((await run('tar', ['-xf', archive, '-C', layout])).code, 0);
    await docker.ok('buildx', 'prune', '-af');
    await docker.ok('image', 'prune', '-f');
    const contexts = ['base', 'copied'].flatMap((name) => [
      '--build-context',
      `${name}=oci-layout://${layout}`,
    ]);
    const more = Buffer.from('FROM base\nCOPY --from=copied /made /copied\n');
    await docker.ok('buildx', 'build', ...contexts, '-t', 'bake/layout', '-', { input: more });
    const files = await docker.ok('run', '--rm', 'bake/layout', 'cat', '/made', '/copied');
    assert.equal(files, 'of the layout\nof the layout');
  });
}

async function checkAgent(checks: Checks, docker: DockerCommand, place: string): Promise<void> {
  await checks.check('--ssh: an agent of the shell, and a key', async () => {
    const [held, other] = [await makeKey(place, 'held'), await makeKey(place, 'other')];
    await using agent = await startAgent(place, [held]);
    const tools = join(place, 'tools');
    await copyProgram('/usr/bin/ssh-add', join(tools, 'root'));
    await writeFile(
      join(tools, 'Dockerfile'),
      'FROM busybox\nCOPY root /\nRUN --mount=type=ssh ssh-add -l >/keys\nRUN --mount=type=ssh,id=own ssh-add -l >>/keys\n',
    );
    const words = ['--ssh', 'default', '--ssh', `own=${other.path}`, '-t', 'bake/ssh', tools];
    await docker.ok('buildx', 'build', ...words, { environment: { SSH_AUTH_SOCK: agent.socket } });
    const keys = await docker.ok('run', '--rm', 'bake/ssh', 'cat', '/keys');
    assert.deepEqual(
      keys.split('\n').map((line) => line.split(' ')[1]),
      [held.fingerprint, other.fingerprint],
    );
  });
}

const look = `FROM busybox
RUN { ulimit -n; df -k /dev/shm | tail -1; cat /etc/hosts; hostname; ls /sys/class/net; } >/seen
`;

async function checkCommandOptions(checks: Checks, docker: DockerCommand, place: string): Promise<void> {
  const seen = async (...options: string[]): Promise<string> => {
    await docker.ok('buildx', 'build', ...options, '-t', 'bake/look', '-', { input: Buffer.from(look) });
    return docker.ok('run', '--rm', 'bake/look', 'cat', '/seen');
  };
  await checks.check('--ulimit, --shm-size, --add-host, --network, BUILDKIT_SANDBOX_HOSTNAME', async () => {
    assert.match(await seen('--ulimit', 'nofile=77:88'), /^77\n/);
    assert.match(await seen('--shm-size', '96m'), /^shm +98304 /m);
    const hosts = await seen('--add-host', 'one:10.1.2.3', '--add-host', 'gate:host-gateway');
    assert.match(hosts, /^10\.1\.2\.3\tone$[^]*^\d+\.\d+\.\d+\.1\tgate$/m);
    assert.match(await seen('--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=given'), /^given$/m);
    assert.doesNotMatch(await seen('--network', 'none'), /^eth0$/m);
    await seen('--network', 'host', '--allow', 'network.host');
  });
  await checks.check('--secret by variable and file, with owner and mode', async () => {
    const file = join(place, 'Secrets');
    await writeFile(
      file,
      `FROM busybox
RUN --mount=type=secret,id=of-a-file,uid=7,gid=8,mode=0440 stat -c '%u %g %a %s' /run/secrets/of-a-file >/file
RUN --mount=type=secret,id=of-a-variable,env=IT echo "$IT" >/variable
`,
    );
    const secrets = [
      '--secret',
      `id=of-a-file,src=${join(place, 'f')}`,
      '--secret',
      'id=of-a-variable,env=VARIABLE',
    ];
    const environment = { VARIABLE: 'value' };
    await docker.ok('buildx', 'build', '-f', file, ...secrets, '-t', 'bake/secrets', place, { environment });
    assert.equal(
      await docker.ok('run', '--rm', 'bake/secrets', 'cat', '/file', '/variable'),
      '7 8 440 4\nvalue',
    );
  });
  await checks.check('frontends: the own one by its names, others are refused', async () => {
    const build = (text: string): Promise<string> =>
      docker.ok('buildx', 'build', '-', { input: Buffer.from(text) });
    for (const name of [
      'docker/dockerfile:1',
      'docker/dockerfile:1.7-labs',
      'docker.io/docker/dockerfile:1.4',
    ])
      await build(`# syntax=${name}\nFROM busybox\n`);
    await assert.rejects(
      build('# syntax=example/other:1\nFROM busybox\n'),
      /frontend 'example\/other:1' is not offered/,
    );
  });
  await checks.check('-q, --progress, du and prune with filters and limits', async () => {
    const built = await docker.ok('buildx', 'build', '-q', '-', { input: Buffer.from(look) });
    assert.match(built, /^sha256:[0-9a-f]{64}$/);
    const raw = await docker.run('buildx', 'build', '--progress=rawjson', '-', { input: Buffer.from(look) });
    // 0.13 does not know it.
    if (raw.code === 0) assert.match(raw.stderr, /"vertexes":/);
    assert.match(await docker.ok('buildx', 'du', '--verbose', '--filter', 'type=regular'), /Description:/);
    assert.match(await docker.ok('buildx', 'prune', '-f', '--filter', 'type=exec.cachemount'), /Total:\t0B/);
    const { stdout: options } = await docker.run('buildx', 'prune', '--help');
    const limits = options.includes('--max-used-space')
      ? [
          ['--max-used-space', '1tb'],
          ['--min-free-space', '1kb'],
          ['--reserved-space', '1tb'],
        ]
      : [['--keep-storage', '1tb']];
    for (const limit of limits)
      assert.match(await docker.ok('buildx', 'prune', '-f', ...limit), /Total:\t0B/, limit.join(' '));
  });
  const { stdout: commands } = await docker.run('buildx', 'history', '--help');
  if (commands.includes('export'))
    await checks.check('history export, rm; inspect shows the rules of the cache', async () => {
      const file = join(place, 'record.dockerbuild');
      await docker.ok('buildx', 'history', 'export', '-o', file);
      assert.ok((await readFile(file)).length > 500);
      await docker.ok('buildx', 'history', 'rm', '--all');
      assert.doesNotMatch(await docker.ok('buildx', 'history', 'ls'), /Completed/);
      assert.match(await docker.ok('buildx', 'inspect'), /GC Policy rule#0:[^]*Min Free Space:/);
    });
}
