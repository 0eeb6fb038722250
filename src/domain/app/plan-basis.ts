import { fingerprint } from '#base/ids.ts';
import type { ObservedApp, ObservedContainer } from './observed.ts';
import { targetChanges } from './reasons.ts';
import { canonical } from './canonical.ts';
import type { AppTarget } from './target.ts';

/** What a plan was made from: another plan follows when any of it is different. */
export interface PlanBasis {
  /** As it will be in force. */
  target: AppTarget;
  observed: ObservedApp;
  /** What was asked for beside the files. */
  options: { rebuild: boolean; canary?: number };
}

/** Short, and the same for the same basis. How well a container is at the moment does not matter to it. */
export function planId(basis: PlanBasis): string {
  return fingerprint(canonical([basis.target, stateOf(basis), basis.options])).slice(0, 12);
}

/** What is different from one basis to the next, in words, first the files. */
export function basisChanges(before: PlanBasis, after: PlanBasis): string[] {
  const asked = canonical(before.options) === canonical(after.options) ? [] : ['other options were given'];
  const files = targetChanges(before.target, after.target).map((words) => `in the files: ${words}`);
  const host = hostChanges(before, after).map((words) => `on the host: ${words}`);
  const known = [...asked, ...files, ...host];
  return known.length > 0 || planId(before) === planId(after)
    ? known
    : ['in the files: a setting that has no name here'];
}

type Facts = Record<string, string>;
type Fact = [about: string, fact: string];

/** Facts that the steps depend on, by what they are about. */
function stateOf({ observed, target }: PlanBasis): Facts {
  const own = new Set([...target.networks, ...target.volumes].map((one) => one.name));
  const shared = (noun: string, list: ObservedApp['networks']): Fact[] =>
    list
      .filter((one) => one.app === target.app || own.has(one.name))
      .map((one) => [`the ${noun} ${one.name}`, `there ${one.hash}`]);
  return Object.fromEntries([
    ...observed.containers.map((one): Fact => [`the container ${one.name}`, containerFacts(one)]),
    ...shared('network', observed.networks),
    ...shared('volume', observed.volumes),
    ...Object.entries(observed.images).map(([name, id]): Fact => [`the image ${name}`, id ?? '']),
    ...Object.entries(observed.reaches).map(([name, hash]): Fact => [`the addresses of ${name}`, hash ?? '']),
  ]);
}

function containerFacts({ id, hash, imageId, status, replica, traffic }: ObservedContainer): string {
  return canonical([status, id, hash, imageId, replica, traffic]);
}

function hostChanges(before: PlanBasis, after: PlanBasis): string[] {
  const [old, now] = [stateOf(before), stateOf(after)];
  const statuses = new Map(after.observed.containers.map((one) => [`the container ${one.name}`, one.status]));
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((about) => {
    const [former = '', wanted = ''] = [old[about], now[about]];
    if (former === wanted) return [];
    if (former === '') return [`${about} is there now`];
    if (wanted === '') return [`${about} is gone`];
    const status = statuses.get(about);
    return [
      status === undefined ? `${about} is another one` : `${about} is another one, or is ${status} now`,
    ];
  });
}
