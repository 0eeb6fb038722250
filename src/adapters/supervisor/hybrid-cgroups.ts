import { mkdir, readFile } from 'node:fs/promises';
import { mount } from '#adapters/linux/libc.ts';
import { messageOf } from '#base/errors.ts';

const unified = '/sys/fs/cgroup/unified/cgroup.controllers';

/**
 * On a hybrid host, mounts as v1 what was left in the v2 tree: crun refuses to start while a controller is
 * there. Gives a sentence for each change or failure; nothing on hosts with one version.
 */
export async function repairHybridCgroups(): Promise<string[]> {
  const left = await readFile(unified, 'utf8').catch(() => '');
  const report: string[] = [];
  for (const controller of left.split(/\s+/).filter((name) => name !== '')) {
    const folder = `/sys/fs/cgroup/${controller}`;
    try {
      await mkdir(folder, { recursive: true });
      mount('cgroup', folder, 'cgroup', 0, controller);
      report.push(
        `mounted the cgroup controller '${controller}' as v1: it was left in the v2 tree of this hybrid host`,
      );
    } catch (error) {
      report.push(`could not mount the cgroup controller '${controller}' as v1: ${messageOf(error)}`);
    }
  }
  return report;
}
