import type { LastService } from './observed.ts';
import { canonical, type ServiceTarget, type Settings } from './target.ts';

/** Why a container with this hash is out of date, in words. */
export function changeReason(hash: string, last: LastService | undefined, target: ServiceTarget): string {
  // What was last stored explains the difference only if the container was made from it.
  if (last?.hash !== hash) return 'the configuration changed';
  const changes = changedSettings(last.settings, target.settings);
  return changes.length === 0 ? 'the configuration changed' : changes.join(', ');
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
