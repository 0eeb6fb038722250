import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AdviceAnswer } from '#api/types/advice.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';

const settings = await mkdtemp('/var/tmp/b-advise-');
await writeFile(join(settings, 'config.toml'), '[advise]\nperiod = 1\n');
const daemon: TestDaemon = await startDaemon({
  environment: { BERTH_CONFIG: join(settings, 'config.toml') },
});
before(() => daemon.loadBusybox());
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(settings, { recursive: true });
});

const text = `services:
  # Half a core at most, which it would like to have more of.
  busy:
    image: busybox
    command: sh -c "while :; do :; done"
    cpus: 0.1   # a guess
    stop_grace_period: 0s
  calm:
    image: busybox
    command: sleep 1d
    stop_grace_period: 0s
`;

test('limits are proposed from what was seen, as a patch that git applies and up honours', async () => {
  const folder = join(daemon.folder, 'projects/seen');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), text);
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const parse: (text: string) => AdviceAnswer = JSON.parse;
  const advice = async (): Promise<AdviceAnswer> =>
    parse((await daemon.berth('advise', 'seen', '--json')).stdout);
  let answer = await advice();
  while (answer.services.some(({ note }) => note !== undefined)) answer = await advice();
  const busy = answer.services.find(({ service }) => service === 'busy');
  assert.ok(busy !== undefined && busy.used.throttled > 0.5, JSON.stringify(busy));
  assert.ok(busy.used.cpusP95 > 0.05 && busy.used.cpusP95 < 0.2, `${busy.used.cpusP95} cores`);
  const cpus = busy.advice.find(({ key }) => key === 'limits.cpus');
  assert.deepEqual([cpus?.current, cpus !== undefined && Number(cpus.value) >= 0.15], ['0.1', true]);
  const { stdout } = await daemon.berth('advise', 'seen');
  assert.match(stdout, /seen\/busy: limits\.cpus 0\.1 -> [\d.]+: it was held back in \d+% of the periods/);
  // What was seen outlives the daemon.
  await daemon.restart();
  const patch = await daemon.berth('advise', 'seen', '--patch');
  assert.equal(patch.code, 0, patch.stderr);
  const applied = await run('git', ['apply', '-'], { cwd: folder, input: patch.stdout });
  assert.equal(applied.code, 0, `${applied.stderr}\n${patch.stdout}`);
  const after = await readFile(join(folder, 'compose.yaml'), 'utf8');
  assert.match(after, /cpus: "0\.\d+" {3}# a guess\n/);
  assert.match(after, /# Half a core at most/);
  assert.equal((await daemon.berth('up', folder)).code, 0);
  assert.equal(
    await daemon.ok('inspect', '-f', '{{.HostConfig.Memory}}', 'seen-calm-1'),
    String(16 * 1024 ** 2),
  );
});
