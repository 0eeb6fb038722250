import { copyOrigin, fromsOf, type BuildPlan, type PlannedStage } from './plan.ts';
import type { Instruction } from '#domain/dockerfile/instruction.ts';

/**
 * What plans of one file for several platforms have in common: for the stages that begin alike, by their indexes, how many of their
 * instructions do the same in all. Such as `FROM --platform=$BUILDPLATFORM`, up to where it takes TARGETARCH.
 */
export function alikeSteps(plans: readonly BuildPlan[]): ReadonlyMap<number, number> {
  const alike = new Map<number, number>();
  const varying = varyingNames(plans);
  const lengths = new Map(
    plans.flatMap(({ stages }) => stages.map(({ index, instructions }) => [index, instructions.length])),
  );
  const isWhole = (stage: number): boolean => alike.get(stage) === lengths.get(stage);
  const indexes = new Set(plans.flatMap(({ stages }) => stages.map(({ index }) => index)));
  for (const index of [...indexes].sort((one, other) => one - other)) {
    const versions = plans.flatMap((plan) => plan.stages.find((stage) => stage.index === index) ?? []);
    const [first, ...others] = versions;
    const [plan] = plans;
    if (first === undefined || plan === undefined) continue;
    if (!beginsAlike(first, others, isWhole)) continue;
    const differs = (each: Instruction): boolean =>
      takes(each, varying) ||
      fromsOf(each).some((from) => {
        const origin = copyOrigin(plan.file, each, from, index, first.contexts);
        return origin.kind !== 'scratch' && !(origin.kind === 'stage' && isWhole(origin.index));
      });
    const end = first.instructions.findIndex(differs);
    alike.set(index, end < 0 ? first.instructions.length : end);
  }
  return alike;
}

function beginsAlike(
  { base, platform }: PlannedStage,
  others: readonly PlannedStage[],
  isWhole: (stage: number) => boolean,
): boolean {
  if (others.some((each) => each.platform !== platform)) return false;
  if (base.kind === 'stage') return isWhole(base.index);
  // Nothing has a platform of its own.
  if (base.kind === 'scratch' || platform === undefined) return false;
  return others.every((each) => JSON.stringify(each.base) === JSON.stringify(base));
}

/** Arguments whose values depend on the platform. */
function varyingNames(plans: readonly BuildPlan[]): Set<string> {
  const names = new Set(plans.flatMap(({ globals }) => Object.keys(globals)));
  const isSame = (name: string): boolean => new Set(plans.map(({ globals }) => globals[name])).size === 1;
  return new Set([...names].filter((name) => !isSame(name)));
}

function takes(instruction: Instruction, names: ReadonlySet<string>): boolean {
  return instruction.name === 'ARG' && instruction.args.some(({ name }) => names.has(name));
}
