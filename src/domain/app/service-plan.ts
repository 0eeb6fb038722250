import { differences } from './difference.ts';
import type { Difference } from './setting-difference.ts';
import type { Step } from './step.ts';
import type { AppTarget, ServiceTarget } from './target.ts';
import type { Order } from './update.ts';

/** What becomes of a service, for people: the steps say how. */
export interface ServicePlan {
  service: string;
  action: 'create' | 'replace' | 'image' | 'scale' | 'start' | 'stop' | 'remove' | 'settings' | 'keep';
  /** Containers that are made. */
  made: number;
  /** Of a replacement. */
  order?: Order;
  /** What makes the order stop-first. */
  because?: string;
  /** Of the main step. */
  reason: string;
  differences: Difference[];
}

/** @param before in force, if there was one; @param after as it will be in force; @param steps from `plan` */
export function servicePlans(
  before: AppTarget | undefined,
  after: AppTarget,
  steps: readonly Step[],
): ServicePlan[] {
  const found = new Map(differences(before, after).services.map((one) => [one.service, one]));
  const targets = new Map(after.services.map((one) => [one.name, one]));
  const names = new Set([...targets.keys(), ...found.keys(), ...steps.flatMap(serviceOf)]);
  return [...names].map((name) => {
    const mine = steps.filter((step) => serviceOf(step).includes(name));
    const { kind, differences: changed = [] } = found.get(name) ?? {};
    return servicePlan(name, targets.get(name), mine, { changed, isNew: kind === 'added' });
  });
}

function serviceOf(step: Step): string[] {
  return 'service' in step ? [step.service] : [];
}

function servicePlan(
  service: string,
  target: ServiceTarget | undefined,
  steps: readonly Step[],
  { changed, isNew }: { changed: Difference[]; isNew: boolean },
): ServicePlan {
  const main =
    target === undefined ? steps.find((step) => step.kind === 'remove-container') : mainStep(steps);
  const made = steps.filter((step) => creations.has(step.kind)).length;
  const action = target === undefined ? ((main && 'remove') ?? 'keep') : actionOf(main, changed, isNew);
  const plan = { service, action, made, reason: main?.reason ?? '', differences: changed };
  if (action !== 'replace' || target === undefined) return plan;
  const order = steps.some((step) => step.kind === 'replace-container') ? 'stop-first' : 'start-first';
  const { because } = target.update;
  return { ...plan, order, ...(order === 'stop-first' && because !== undefined ? { because } : {}) };
}

const creations = new Set<Step['kind']>(['create-container', 'replace-container']);

/** The one that says most of what is done; the first of its kind. */
const byWeight = [
  ...(['replace-container', 'create-container', 'build-image', 'pull-image', 'remove-container'] as const),
  ...(['start-container', 'restart-container', 'stop-container', 'shift-traffic', 'place-service'] as const),
  ...(['rename-container'] as const),
];

function mainStep(steps: readonly Step[]): Step | undefined {
  for (const kind of byWeight) {
    const found = steps.find((step) => step.kind === kind && step.reason !== 'new');
    if (found !== undefined) return found;
  }
  return steps.find((step) => creations.has(step.kind)) ?? steps.find((step) => step.reason === 'new');
}

function actionOf(
  main: Step | undefined,
  changed: readonly Difference[],
  isNew: boolean,
): ServicePlan['action'] {
  switch (main?.kind) {
    case 'replace-container':
      return 'replace';
    case 'create-container':
      if (main.reason !== 'new') return 'replace';
      return isNew ? 'create' : 'scale';
    case 'build-image':
    case 'pull-image':
      return isNew ? 'create' : 'image';
    case 'remove-container':
      return 'scale';
    case 'stop-container':
      return 'stop';
    case 'start-container':
    case 'restart-container':
      return 'start';
    case undefined:
      return changed.length === 0 ? 'keep' : 'settings';
    default:
      return 'settings';
  }
}
