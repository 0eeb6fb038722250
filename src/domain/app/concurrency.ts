import type { Step, StepKind } from './step.ts';
import type { AppTarget } from './target.ts';

/** By service: all that it needs, directly or by way of others. */
export type Needs = ReadonlyMap<string, ReadonlySet<string>>;

/** Who needs whom: by `depends_on`, a shared namespace, volumes or links. */
export function needsOf(target: AppTarget | undefined): Needs {
  const needs = new Map<string, Set<string>>();
  // Each service comes after those that it depends on.
  for (const { name, dependsOn, joins } of target?.services ?? []) {
    const { volumesFrom = [], links = [] } = target?.model.services[name] ?? {};
    const named = [...volumesFrom, ...links].map((text) => text.split(':')[0] ?? '');
    const direct = [...dependsOn.map((one) => one.service), ...joins, ...named];
    needs.set(name, new Set(direct.flatMap((one) => [one, ...(needs.get(one) ?? [])])));
  }
  return needs;
}

/** For each step the places of the earlier ones that must be done before it; the others may go on beside it. */
export function waitingFor(steps: readonly Step[], needs: Needs): number[][] {
  return steps.map((step, at) => {
    const earlier: number[] = [];
    for (let other = at - 1; other >= 0; other -= 1) {
      const before = steps[other];
      if (before === undefined || areIndependent(before, step, needs)) continue;
      earlier.push(other);
      // All that came before a step which stands alone is done when that is.
      if (stepsAlone.has(before.kind)) break;
    }
    return earlier;
  });
}

const stepsAlone: ReadonlySet<StepKind> = new Set([
  ...(['pull-image', 'build-image', 'create-network', 'create-volume'] as const),
  ...(['place-service', 'withdraw-service', 'remove-network', 'remove-volume'] as const),
]);

/** They come last, so that a failure before can be put back. */
const cleanUps: ReadonlySet<StepKind> = new Set(['remove-container', 'rename-container']);
const ofOneReplica: ReadonlySet<StepKind> = new Set([
  'create-container',
  'replace-container',
  'start-container',
]);

function areIndependent(one: Step, next: Step, needs: Needs): boolean {
  if (!('service' in one) || !('service' in next)) return false;
  if (stepsAlone.has(one.kind) || stepsAlone.has(next.kind)) return false;
  if (cleanUps.has(one.kind) || cleanUps.has(next.kind))
    return one.kind === 'remove-container' && next.kind === 'remove-container';
  if (one.kind === 'stop-container' && next.kind === 'stop-container') return one.wave === next.wave;
  if (one.service === next.service) return areOfOtherReplicas(one, next);
  return !relies(one.service, next.service, needs) && !relies(next.service, one.service, needs);
}

function areOfOtherReplicas(one: Step, next: Step): boolean {
  if (one.kind === 'wait-drained' && next.kind === 'wait-monitored') return true;
  if (!ofOneReplica.has(one.kind) || !ofOneReplica.has(next.kind)) return false;
  return 'name' in one && 'name' in next && one.name !== next.name;
}

function relies(service: string, other: string, needs: Needs): boolean {
  return needs.get(service)?.has(other) === true;
}
