import type { Hook } from '#domain/app/model.ts';
import { baseName, resolveFrom } from '#domain/build/path.ts';
import { below, copies, type PathRule } from './rules.ts';

/** A path on this machine and where it belongs in containers. */
export interface Mapping {
  path: string;
  /** Absolute. */
  target: string;
  /** It is the rule's own path: a folder there is the frame of what is copied, not a part of it. */
  isRoot: boolean;
}

/** What a batch of changed paths asks for in a service, in the order in which it is done. */
export interface ServiceWork {
  service: string;
  rebuild: boolean;
  /** One for each target, parents before what they hold. */
  sync: Mapping[];
  restart: boolean;
  /** Each once. */
  exec: Hook[];
}

/** Services with something to do. A path may fall under several rules: all of them hold. */
export function planBatch(rules: readonly PathRule[], paths: Iterable<string>): ServiceWork[] {
  const work = new Map<string, ServiceWork>();
  const changed = [...new Set(paths)].sort();
  for (const rule of rules) {
    const mine = changed.filter((path) => rule.matches(path));
    if (mine.length === 0) continue;
    const of = work.get(rule.service) ?? nothing(rule.service);
    work.set(rule.service, of);
    of.rebuild ||= rule.action === 'rebuild';
    of.restart ||= rule.action.endsWith('restart');
    if (rule.exec !== undefined) of.exec.push(rule.exec);
    if (copies(rule)) of.sync.push(...mine.flatMap((path) => mapping(rule, path) ?? []));
  }
  return [...work.values()].map((one) => ({ ...one, sync: lastOfEachTarget(one.sync) }));
}

/** Where a path of the rule belongs; undefined for a rule that does not copy. */
export function mapping({ path: root, target }: PathRule, path: string): Mapping | undefined {
  const relative = below(root, path);
  if (target === undefined || relative === undefined) return undefined;
  if (relative !== '') return { path, target: resolveFrom('/', `${target}/${relative}`), isRoot: false };
  // A file goes by its own name into a target that is named as a folder.
  const whole = target.endsWith('/') ? `${target}${baseName(root)}` : target;
  return { path, target: resolveFrom('/', whole), isRoot: true };
}

/** Without those below another one. */
export function topmost(targets: readonly string[]): string[] {
  const kept: string[] = [];
  for (const target of [...targets].sort((one, other) => one.length - other.length))
    if (!kept.some((above) => below(above, target) !== undefined)) kept.push(target);
  return kept.sort();
}

function lastOfEachTarget(mappings: readonly Mapping[]): Mapping[] {
  const byTarget = new Map(mappings.map((one) => [one.target, one]));
  return [...byTarget.values()].sort((one, other) => (one.target < other.target ? -1 : 1));
}

function nothing(service: string): ServiceWork {
  return { service, rebuild: false, sync: [], restart: false, exec: [] };
}
