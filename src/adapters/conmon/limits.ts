import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { TaskFiles } from './bundle.ts';
import type { OciRuntime } from './oci-runtime.ts';

/** Changes what a running task may use. @throws internal `runtime-failed` */
export async function changeLimits(
  runtime: OciRuntime,
  files: TaskFiles,
  id: string,
  resources: RuntimeSpec['linux']['resources'],
): Promise<void> {
  // Without the device rules: they stand, and would be appended once more.
  const limits = { ...resources };
  delete limits.devices;
  const file = join(files.execs, `${randomUUID()}.json`);
  try {
    await writeFile(file, JSON.stringify(limits), { mode: 0o600 });
    await runtime.run('update', '--resources', file, id);
  } finally {
    await rm(file, { force: true });
  }
}
