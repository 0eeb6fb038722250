import type { Difference } from '#domain/app/setting-difference.ts';
import { lineDifference } from '#domain/app/line-difference.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { SecretReference } from '#domain/secret/secret.ts';

/** Gives a version of a value. */
export type ReadValue = (reference: SecretReference) => Promise<Uint8Array>;

/**
 * Adds to what differs between two targets the lines of configs. Of secrets nobody sees any: their versions tell. So they do
 * where a store is locked, a value is gone, or is no text.
 */
export async function tellConfigLines(
  services: readonly { differences: Difference[] }[],
  before: AppTarget | undefined,
  after: AppTarget,
  read: ReadValue,
): Promise<void> {
  for (const one of services.flatMap((service) => service.differences)) {
    if (one.setting !== 'configs' || one.key === undefined) continue;
    const [old, now] = [before, after].map((target) => target?.model.configs[one.key ?? '']?.stored);
    if (old === undefined || now === undefined) continue;
    const [former, wanted] = await Promise.all([textOf(old, read), textOf(now, read)]);
    if (former !== undefined && wanted !== undefined) one.lines = lineDifference(former, wanted);
  }
}

async function textOf(reference: SecretReference, read: ReadValue): Promise<string | undefined> {
  try {
    const text = Buffer.from(await read(reference)).toString('utf8');
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
