import { conflict } from '#base/errors.ts';
import { canaryTarget } from '#domain/app/canary.ts';
import { differences, type AppDifference } from '#domain/app/difference.ts';
import { isSameTarget, pinned } from '#domain/app/pinned.ts';
import type { PlanBasis } from '#domain/app/plan-basis.ts';
import { plan } from '#domain/app/plan.ts';
import { inForce, keptScale, type Scale } from '#domain/app/scale.ts';
import { servicePlans, type ServicePlan } from '#domain/app/service-plan.ts';
import type { Step } from '#domain/app/step.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { SecretReference } from '#domain/secret/secret.ts';
import { withRollbackPolicy } from '#domain/app/update.ts';
import type { Change } from './change.ts';
import { tellConfigLines, type ReadValue } from './config-lines.ts';
import { observe } from './observe.ts';
import type { AppParts } from './parts.ts';
import { targetInForce, type AppRecords } from './records.ts';
import type { Revisions } from './revisions.ts';

/** What a plan depends on beside the target. */
export type Asked = Pick<Change, 'rebuild' | 'scale' | 'canary' | 'isBack' | 'renew' | 'stopped'>;

/** What becomes of an app, for people. */
export interface PlanReport {
  services: ServicePlan[];
  shared: AppDifference['shared'];
}

const nobody: ReadonlySet<string> = new Set();

/** What is to be done to bring an app to a target. Changes nothing. */
export class Planning {
  readonly #parts: AppParts;
  readonly #records: AppRecords;
  readonly #revisions: Revisions;

  constructor(parts: AppParts, records: AppRecords, revisions: Revisions) {
    this.#parts = parts;
    this.#records = records;
    this.#revisions = revisions;
  }

  /** The scale that will be in force, and what becomes of the one before in words. */
  scale(target: AppTarget, given: Scale | undefined): { scale: Scale; notes: string[] } {
    if (given !== undefined) return { scale: given, notes: [] };
    return keptScale(this.#records.get(target.app)?.scale ?? {}, target.model);
  }

  /** The steps as far as they can be foreseen before images are pulled or built. */
  first(target: AppTarget, scale: Scale, asked: Asked): Step[] {
    const whole = this.steps(this.wanted(target, scale, { ...asked, canary: undefined }), asked, nobody);
    if (asked.canary === undefined) return whole;
    const images = whole.filter(isImageStep);
    const wanted = this.wanted(this.pinned(target), scale, asked);
    return [...images, ...this.steps(wanted, asked, nobody).filter((step) => !isImageStep(step))];
  }

  /** @throws conflict `app-canary-impossible`, `app-canary-same`, `app-not-up` */
  wanted(
    target: AppTarget,
    scale: Scale,
    { canary, isBack }: { canary?: number | undefined; isBack?: true },
  ): AppTarget {
    const whole = inForce(isBack === true ? withRollbackPolicy(target) : target, scale);
    if (canary === undefined) return whole;
    const before = this.#records.get(target.app)?.target;
    if (before === undefined)
      throw conflict(
        'app-not-up',
        `nothing of the app ${target.app} is up that a canary could stand beside`,
        { hint: 'run berth up without --canary' },
      );
    return canaryTarget(inForce(before, scale), whole, canary);
  }

  /** @param fresh images that this run has pulled or built */
  steps(
    target: AppTarget,
    { rebuild, renew = nobody, stopped = [] }: Asked,
    fresh: ReadonlySet<string>,
  ): Step[] {
    const observed = observe(this.#parts, target.app, this.#records.get(target.app), target, fresh);
    return plan(observed, target, { rebuild, renew, stopped: new Set(stopped) });
  }

  /** With the images that are here. */
  pinned(target: AppTarget): AppTarget {
    return pinned(target, (image, platform) => this.#parts.images.find(image, platform)?.id);
  }

  /** The number that the app will have: a new one when another target holds than before. */
  number(target: AppTarget, steps: readonly Step[]): number {
    const { revision = 0, target: before } = this.#records.get(target.app) ?? {};
    const isOther = before === undefined ? steps.some(changes) : !isSameTarget(before, this.pinned(target));
    if (!isOther && !steps.some(isImageStep)) return Math.max(1, revision);
    return this.#revisions.next(target.app, revision);
  }

  /** @param read gives what is not in the store yet, too; absent: only what is */
  async report(
    target: AppTarget,
    scale: Scale,
    steps: readonly Step[],
    read: ReadValue = this.#readValue,
  ): Promise<PlanReport> {
    const record = this.#records.get(target.app);
    const before = record && targetInForce(record);
    const after = inForce(this.pinned(target), scale);
    const services = servicePlans(before, after, steps);
    await tellConfigLines(services, before, after, read);
    return { services, shared: differences(before, after).shared };
  }

  readonly #readValue = (reference: SecretReference): Promise<Uint8Array> =>
    this.#parts.secrets.value(reference);

  /** All that the plan follows from. @throws as `wanted` */
  basis(target: AppTarget, scale: Scale, asked: Asked): PlanBasis {
    const { rebuild, canary } = asked;
    const wanted = this.wanted(canary === undefined ? target : this.pinned(target), scale, asked);
    const observed = observe(this.#parts, target.app, this.#records.get(target.app), wanted, nobody);
    const options = { rebuild, ...(canary === undefined ? {} : { canary }) };
    return { target: wanted, observed, options };
  }
}

/** Waiting changes nothing. */
export function changes(step: Step): boolean {
  return !step.kind.startsWith('wait-');
}

export function isImageStep(step: Step): boolean {
  return step.kind === 'pull-image' || step.kind === 'build-image';
}

/** At the end of a plan these take away what nobody needs any more. */
export function isCleanUp(step: Step): boolean {
  return ['remove-container', 'rename-container', 'remove-network'].includes(step.kind);
}
