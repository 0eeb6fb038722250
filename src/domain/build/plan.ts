import { own } from '#base/own.ts';
import type { Args, From, Instruction, Written } from '#domain/dockerfile/instruction.ts';
import { suggestion } from '#domain/dockerfile/suggestion.ts';
import type { Dockerfile, Stage } from '#domain/dockerfile/parse.ts';
import { misuse } from '#domain/dockerfile/source.ts';
import { invalid } from '#base/errors.ts';
import { unconsumed } from './arguments.ts';
import { contextFor, contextsFor } from './contexts.ts';
import { globalValues } from './globals.ts';
import { expanderFor } from './state.ts';

/** Where files come from: another stage of the build, an image, or what the client named (`--build-context`). */
export type Origin =
  | { kind: 'stage'; index: number }
  | { kind: 'image'; reference: string }
  | { kind: 'context'; name: string }
  | { kind: 'scratch' };

/** A node of the build graph. */
export interface PlannedStage {
  index: number;
  from: From & Written;
  base: Origin;
  platform?: string;
  instructions: Instruction[];
  /** Names of the contexts of the client that hold for the stage's platform. */
  contexts: readonly string[];
  /** Stages that must be done before; all have a lower index. */
  needs: number[];
}

export interface BuildPlan {
  file: Dockerfile;
  /** Those that the target needs, in the order of the file; the target is the last. */
  stages: PlannedStage[];
  /** Values of the ARGs before the first FROM, and of the platform. */
  globals: Record<string, string>;
  /** Build arguments that nothing takes. */
  unused: string[];
}

export interface PlanRequest {
  target?: string;
  args: Record<string, string>;
  /** Of the image to be made, and of this machine: `linux/amd64`. */
  platform: string;
  machine: string;
  /** Added to the last stage, as `--label` does. */
  labels: Record<string, string>;
  /** Names of contexts that stand for images and stages of these names, `NAME::PLATFORM` for one platform only. */
  contexts?: readonly string[];
}

/**
 * The graph of the stages that the target needs.
 * @throws invalid `dockerfile-invalid`, `build-target-missing`
 */
export function planBuild(file: Dockerfile, request: PlanRequest): BuildPlan {
  const globals = globalValues(file, request);
  const planned = file.stages.map((stage) => planStage({ file, globals, request }, stage));
  const target = findTarget(file, request.target);
  const needed = new Set([target]);
  for (const stage of planned.toReversed())
    if (needed.has(stage.index)) for (const need of stage.needs) needed.add(need);
  const stages = planned.filter((stage) => needed.has(stage.index));
  return {
    file,
    stages: stages.map((stage) => (stage.index === target ? withLabels(stage, request.labels) : stage)),
    globals,
    unused: unconsumed(request.args, declaredNames(file, globals)),
  };
}

function declaredNames(file: Dockerfile, globals: Record<string, string>): Set<string> {
  const isArgs = (instruction: Instruction): instruction is Args => instruction.name === 'ARG';
  const all = [...file.globals, ...file.stages.flatMap((stage) => stage.instructions.filter(isArgs))];
  return new Set([...Object.keys(globals), ...all.flatMap(({ args }) => args.map(({ name }) => name))]);
}

/** What the stages are planned with. */
type Planning = Pick<BuildPlan, 'file' | 'globals'> & { request: PlanRequest };

function planStage({ file, globals, request }: Planning, stage: Stage): PlannedStage {
  const { from, instructions, index } = stage;
  const expand = expanderFor(file, from, (name) => own(globals, name));
  const platform = from.platform === undefined ? '' : expand.one(from.platform);
  const contexts = contextsFor(request.contexts ?? [], platform === '' ? request.platform : platform);
  const replaced = from.as === undefined ? undefined : contextFor(from.as, contexts);
  // What has the name of a stage takes its place.
  if (replaced !== undefined)
    return { index, from, base: { kind: 'context', name: replaced }, instructions: [], contexts, needs: [] };
  const image = expand.one(from.image);
  if (image === '')
    throw misuse(file.source, from.at, `base name (${from.image}) should not be blank`, {
      length: from.text.length,
      hint: 'give its ARG a default before the first FROM, or --build-arg',
    });
  const base =
    image === 'scratch' ? { kind: 'scratch' as const } : originOf({ file, contexts }, image, index);
  const origins = [base, ...instructions.flatMap((each) => copyOrigins({ file, contexts }, each, index))];
  const needs = origins.flatMap((origin) => (origin.kind === 'stage' ? [origin.index] : []));
  return {
    index,
    from,
    base,
    ...(platform === '' ? {} : { platform }),
    ...{ instructions, contexts },
    needs: [...new Set(needs)],
  };
}

/** Where names are looked up. */
type Names = Pick<BuildPlan, 'file'> & Pick<PlannedStage, 'contexts'>;

// Of several stages with one name the last one before counts.
function originOf({ file, contexts }: Names, name: string, before: number): Origin {
  const index = file.stages.findLastIndex(
    (stage) => stage.index < before && stage.from.as === name.toLowerCase(),
  );
  if (index >= 0) return { kind: 'stage', index };
  const context = contextFor(name, contexts);
  return context === undefined ? { kind: 'image', reference: name } : { kind: 'context', name: context };
}

function copyOrigins({ file, contexts }: Names, instruction: Instruction, before: number): Origin[] {
  return fromsOf(instruction).map((from) => copyOrigin(file, instruction, from, before, contexts));
}

/** What the flags of an instruction name as the origin of files. */
export function fromsOf(instruction: Instruction): string[] {
  if (instruction.name === 'COPY') return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.name !== 'RUN') return [];
  return instruction.mounts.flatMap(({ from }) => (from === undefined ? [] : [from]));
}

/** What `--from` names in the stage with index `before`. @throws invalid `dockerfile-invalid` */
export function copyOrigin(
  file: Dockerfile,
  written: Written,
  from: string,
  before: number,
  contexts: readonly string[] = [],
): Origin {
  const fail = (message: string, hint: string): Error =>
    misuse(file.source, written.at, message, { length: written.text.length, hint });
  if (/^\d+$/.test(from)) {
    const index = Number(from);
    if (index < before) return { kind: 'stage', index };
    if (index === before)
      throw fail(`invalid from flag value ${from}: refers to current build block`, 'name another stage');
    throw fail(
      `invalid from flag value ${from}: invalid stage index ${from}`,
      before === 0 ? 'there is no stage before' : `the stages before are 0 to ${before - 1}`,
    );
  }
  const found = originOf({ file, contexts }, from, before);
  if (found.kind !== 'image') return found;
  const later = file.stages.findIndex((stage) => stage.from.as === from.toLowerCase());
  if (later === before)
    throw fail(`invalid from flag value ${from}: refers to current build block`, 'name another stage');
  if (later > before)
    throw fail(`invalid from flag value ${from}: the stage comes later`, `move stage '${from}' up`);
  return found;
}

/** The stage that a person may have meant by a name that no image has. */
export function nearStage(file: Dockerfile, name: string): string | undefined {
  return suggestion(
    name,
    file.stages.flatMap((stage) => stage.from.as ?? []),
  );
}

function findTarget(file: Dockerfile, target: string | undefined): number {
  const last = file.stages.length - 1;
  if (target === undefined || target === '') return last;
  const named = file.stages.findLastIndex((stage) => stage.from.as === target.toLowerCase());
  if (named >= 0) return named;
  if (/^\d+$/.test(target) && Number(target) <= last) return Number(target);
  const names = file.stages.flatMap((stage) => stage.from.as ?? []);
  const hint = suggestion(target, names) ?? `its stages are ${names.join(', ') || 'without names'}`;
  throw invalid('build-target-missing', `target stage "${target}" could not be found: ${hint}`, { hint });
}

function withLabels(stage: PlannedStage, labels: Record<string, string>): PlannedStage {
  const names = Object.keys(labels).sort();
  if (names.length === 0) return stage;
  const pairs = names.map((name) => ({ name: literal(name), value: literal(labels[name] ?? '') }));
  const text = `LABEL ${names.map((name) => `${name}=${labels[name] ?? ''}`).join(' ')}`;
  const label: Instruction = { name: 'LABEL', pairs, at: stage.from.at, text };
  return { ...stage, instructions: [...stage.instructions, label] };
}

// In single quotes nothing is expanded.
function literal(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
