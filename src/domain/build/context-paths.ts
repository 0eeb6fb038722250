import type { Instruction, Named } from '#domain/dockerfile/instruction.ts';
import { MountError } from '#domain/dockerfile/mount-options.ts';
import { readMount } from '#domain/dockerfile/mount.ts';
import { BerthError } from '#base/errors.ts';
import { parseGitRemote } from './git-remote.ts';
import { cleanAbsolute } from './path.ts';
import { copyOrigin, type BuildPlan, type PlannedStage } from './plan.ts';
import { expanderFor } from './state.ts';

/**
 * The paths of the main context, or of the named one, of which the instructions of plans take files: relative, perhaps with wild cards,
 * with all that is below them. Undefined: any file may be taken. What triggers of a base take is not told.
 */
export function contextPaths(plans: readonly BuildPlan[], name?: string): string[] | undefined {
  const paths = new Set<string>();
  for (const plan of plans)
    for (const stage of plan.stages) {
      if (name !== undefined && stage.base.kind === 'context' && stage.base.name === name) return undefined;
      for (const instruction of stage.instructions)
        for (const path of taken({ plan, stage, name }, instruction)) paths.add(path);
    }
  return paths.has('') ? undefined : [...paths].sort();
}

interface Asked {
  plan: BuildPlan;
  stage: PlannedStage;
  name: string | undefined;
}

/** '' for all. */
function taken(asked: Asked, instruction: Instruction): string[] {
  if (instruction.name === 'RUN') return mounted(asked, instruction);
  if (instruction.name !== 'COPY' && instruction.name !== 'ADD') return [];
  if (!isFrom(asked, instruction, instruction.from)) return [];
  return instruction.sources.flatMap((source) =>
    typeof source === 'string' && !(instruction.name === 'ADD' && isElsewhere(source))
      ? [pathOf(asked, instruction, source)]
      : [],
  );
}

function mounted(asked: Asked, instruction: Named<'RUN'>): string[] {
  return instruction.mounts.flatMap(({ text, from }) => {
    if (!isFrom(asked, instruction, from)) return [];
    try {
      const mount = readMount(text, (value) => value);
      if (mount.type !== 'bind' && from === undefined) return [];
      return 'source' in mount ? [pathOf(asked, instruction, mount.source)] : [''];
    } catch (error) {
      // The step itself says what is wrong.
      if (!(error instanceof MountError)) throw error;
      return [''];
    }
  });
}

function isFrom({ plan, stage, name }: Asked, instruction: Instruction, from: string | undefined): boolean {
  if (from === undefined || name === undefined) return from === name;
  const origin = copyOrigin(plan.file, instruction, from, stage.index, stage.contexts);
  return origin.kind === 'context' && origin.name === name;
}

function isElsewhere(source: string): boolean {
  return /^https?:\/\//.test(source) || parseGitRemote(source) !== undefined;
}

/** Up to the folder before the first variable: what that holds is not known yet. */
function pathOf({ plan }: Asked, instruction: Instruction, written: string): string {
  const variables: string[] = [];
  const lookup = (name: string): undefined => {
    variables.push(name);
  };
  try {
    const path = expanderFor(plan.file, instruction, lookup).one(written);
    if (variables.length === 0) return cleanAbsolute(path).slice(1);
  } catch (error) {
    // A variable that must be there may be.
    if (!(error instanceof BerthError)) throw error;
  }
  const before = written.slice(0, Math.max(written.indexOf('$'), 0));
  if (/["'\\`]/.test(before)) return '';
  return cleanAbsolute(before.slice(0, before.lastIndexOf('/') + 1)).slice(1);
}
