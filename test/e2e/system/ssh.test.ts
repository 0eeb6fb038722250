import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { RunOptions, RunResult } from '../../support/docker.ts';

// In the place of ssh: runs what the client asks for on the other machine, as a login there would.
const login = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
export DOCKER_HOST=$BERTH_HOST
exec sh -c "$*"
`;

describe('the docker client by ssh://', () => {
  let daemon: TestDaemon;
  let bin: string;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    bin = join(daemon.folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'ssh'), login);
    await chmod(join(bin, 'ssh'), 0o755);
  });
  after(() => daemon[Symbol.asyncDispose]());

  const over = (...words: (string | RunOptions)[]): Promise<RunResult> =>
    daemon.docker('-H', 'ssh://there', ...words, {
      environment: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });

  it('reaches the engine through docker system dial-stdio', async () => {
    const { code, stdout, stderr } = await over('version', '--format', '{{.Server.Os}}');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'linux\n' }, stderr);
  });

  it('hijacks: input with half close, output, errors and the exit code go through', async () => {
    const script = 'echo "$(wc -c)"; echo bad >&2; exit 5';
    const result = await daemon.docker(
      '-H',
      'ssh://there',
      'run',
      '--rm',
      '-i',
      'busybox',
      'sh',
      '-c',
      script,
      {
        input: Buffer.alloc(500_000, 'x'),
        environment: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      },
    );
    assert.deepEqual(result, { code: 5, stdout: '500000\n', stderr: 'bad\n' });
  });
});
