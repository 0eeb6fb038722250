import { invalid } from '#base/errors.ts';
import type { CpuWish } from '#domain/capacity/cpus.ts';
import type { HostConfig } from '#domain/container/config.ts';

/** Annotations by which a container asks for processors of its own; what it gets are its `CpusetCpus`. */
const annotations = { count: 'berth.cpus.exclusive', numa: 'berth.cpus.numa' } as const;

export function annotationsOf({ count, numa }: CpuWish): Record<string, string> {
  return { [annotations.count]: String(count), ...(numa === undefined ? {} : { [annotations.numa]: numa }) };
}

/** Undefined for one that shares what there is. @throws invalid `cpus-invalid` */
export function cpuWishOf({ Annotations }: Pick<HostConfig, 'Annotations'>): CpuWish | undefined {
  const { [annotations.count]: count, [annotations.numa]: numa } = Annotations ?? {};
  if (count === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(count))
    throw invalid(
      'cpus-invalid',
      `the annotation ${annotations.count} is '${count}', required is a count from 1`,
    );
  if (numa === undefined) return { count: Number(count) };
  if (numa !== 'node' && numa !== 'prefer')
    throw invalid(
      'cpus-invalid',
      `the annotation ${annotations.numa} is '${numa}', required is 'node' or 'prefer'`,
    );
  return { count: Number(count), numa };
}
