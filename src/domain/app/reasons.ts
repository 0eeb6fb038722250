import type { LastService } from './observed.ts';
import { canonical, type AppTarget, type ServiceTarget, type Settings } from './target.ts';

/** Why a container with this hash is out of date, in words. */
export function changeReason(hash: string, last: LastService | undefined, target: ServiceTarget): string {
  // What was last stored explains the difference only if the container was made from it.
  if (last?.hash !== hash) return 'the configuration changed';
  const changes = changedSettings(last.settings, target.settings);
  return changes.length === 0 ? 'the configuration changed' : changes.join(', ');
}

/** What changes from one target to the next, one line a noun, never with a value. */
export function targetChanges(before: AppTarget | undefined, after: AppTarget): string[] {
  const services = new Map(before?.services.map((one) => [one.name, one]));
  const changes = after.services.flatMap((one) => {
    const changed = serviceChanges(services.get(one.name), one);
    return changed.length === 0 ? [] : [`${one.name}: ${changed.join(', ')}`];
  });
  const nouns = [
    ['service', before?.services.map((one) => one.name) ?? [], after.services.map((one) => one.name)],
    ['network', before?.networks.map((one) => one.key) ?? [], after.networks.map((one) => one.key)],
    ['volume', before?.volumes.map((one) => one.key) ?? [], after.volumes.map((one) => one.key)],
  ] as const;
  for (const [noun, old, now] of nouns) {
    if (noun !== 'service')
      changes.push(...now.filter((key) => !old.includes(key)).map((key) => `${noun} ${key}: new`));
    changes.push(...old.filter((key) => !now.includes(key)).map((key) => `${noun} ${key}: removed`));
  }
  return changes;
}

function serviceChanges(before: ServiceTarget | undefined, after: ServiceTarget): string[] {
  if (before === undefined) return ['new'];
  const changes = changedSettings(before.settings, after.settings);
  if (before.imageId !== after.imageId && before.image === after.image) changes.push('image digest changed');
  if (before.reach?.hash !== after.reach?.hash) changes.push('ports, names or networks changed');
  if (before.replicas.length !== after.replicas.length)
    changes.push(`scaled from ${before.replicas.length} to ${after.replicas.length}`);
  return changes;
}

function changedSettings(before: Settings, after: Settings): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    if (canonical(before[key]) === canonical(after[key])) return [];
    if (key === 'environment') return changedVariables(record(before[key]), record(after[key]));
    if (key === 'image') return [`image changed from ${words(before[key])} to ${words(after[key])}`];
    return [`${key} changed`];
  });
}

/** Names only: values may be secrets. */
function changedVariables(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (before[name] === after[name]) return [];
    if (!(name in before)) return [`environment ${name} added`];
    return [`environment ${name} ${name in after ? 'changed' : 'removed'}`];
  });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : 'none';
}
