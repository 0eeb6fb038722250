import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

const dockerfile = `FROM busybox AS one
RUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max >/limit 2>/dev/null; true
FROM scratch
COPY --from=one /limit /limit
`;

/** What buildx learnt after 0.13. */
export async function checkNewerBuildx(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  const help = await docker.ok('buildx', 'build', '--help');
  if (!help.includes('--resource ')) return;
  await checks.check('--resource; --output type=local,mode=delete', async () => {
    const [context, dest] = [join(folder, 'newer'), join(folder, 'mirror')];
    for (const name of [context, dest]) await mkdir(name);
    await writeFile(join(context, 'Dockerfile'), dockerfile);
    await writeFile(join(dest, 'old'), '');
    const output = `type=local,dest=${dest},mode=delete`;
    const limits = ['--resource', 'memory=64m', '--resource', 'cpu-shares=100'];
    const words = [...limits, '--allow', 'buildx.local.delete', '--output', output];
    await docker.ok('buildx', 'build', ...words, context);
    assert.deepEqual(await readdir(dest), ['limit']);
    assert.match(await readFile(join(dest, 'limit'), 'utf8'), /^67108864$/m);
  });
}
