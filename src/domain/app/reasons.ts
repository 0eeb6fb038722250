import { differences, type AppDifference, type ServiceDifference } from './difference.ts';
import type { LastService } from './observed.ts';
import { settingDifferences, type Difference } from './setting-difference.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

/** Why a container with this hash is out of date, in words. */
export function changeReason(hash: string, last: LastService | undefined, target: ServiceTarget): string {
  // What was last stored explains the difference only if the container was made from it.
  if (last?.hash !== hash) return 'the configuration changed';
  const changes = settingDifferences(last.settings, target.settings).map(differenceWords);
  return changes.length === 0 ? 'the configuration changed' : changes.join(', ');
}

/** What changes from one target to the next, one line a noun, never with a value that may be a secret. */
export function targetChanges(before: AppTarget | undefined, after: AppTarget): string[] {
  const { services, shared }: AppDifference = differences(before, after);
  return [
    ...services.map(serviceWords),
    ...shared.map(({ noun, key, kind }) => `${noun} ${key}: ${kind === 'added' ? 'new' : kind}`),
  ];
}

function serviceWords({ service, kind, differences: found }: ServiceDifference): string {
  if (kind === 'added') return `${service}: new`;
  if (kind === 'removed') return `service ${service}: removed`;
  return `${service}: ${found.map(differenceWords).join(', ')}`;
}

/** Names, and values only of what is said in numbers or names anyway. */
function differenceWords({ setting, key, kind, before = '', after = '' }: Difference): string {
  if (setting === 'scale') return `scaled from ${before} to ${after}`;
  if (setting === 'image') return `image changed from ${before} to ${after}`;
  if (setting === 'secrets' || setting === 'configs') {
    const isNew = before !== '' && after !== '' && before !== after;
    const versions = isNew ? ` (${before} -> ${after.replace('version ', '')})` : '';
    return `${setting.slice(0, -1)} ${key ?? ''} ${kind}${versions}`;
  }
  return key === undefined ? `${setting} ${kind}` : `${setting} ${key} ${kind}`;
}
