import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { Instruction } from '#domain/dockerfile/instruction.ts';
import { copyOrigin, fromsOf, type BuildPlan, type Origin, type PlannedStage } from './plan.ts';

/** A node of the graph as clients see it: what FROM fetches, and each instruction that works on files. */
export interface PlannedVertex {
  /** `[builder 2/5] RUN make`. */
  name: string;
  /** Undefined for FROM. */
  instruction?: Instruction;
  /** Indexes of the stages whose last vertices it uses, beside the one before it in its own stage. */
  stages: number[];
}

/**
 * Of each stage of the plan, in its order; named as BuildKit does (frontend/dockerfile/dockerfile2llb, prefixCommand).
 * @param platform which the build is for, when there are builds for others beside it
 */
export function plannedVertices(plan: BuildPlan, platform?: string): PlannedVertex[][] {
  return plan.stages.map((stage) => stageVertices(plan, stage, platform));
}

function stageVertices(plan: BuildPlan, stage: PlannedStage, platform?: string): PlannedVertex[] {
  const steps = stage.instructions.filter(worksOnFiles);
  const first = fromVertex(stage);
  const total = steps.length + (first === undefined ? 0 : 1);
  const width = String(total).length;
  const label = `${platformLabel(platformOf(plan, stage), platform)}${labelOf(plan, stage)}`;
  let number = 0;
  const named = (text: string): string => `[${label}${String(++number).padStart(width)}/${total}] ${text}`;
  const base = stage.base.kind === 'stage' ? [stage.base.index] : [];
  const vertices: PlannedVertex[] = first === undefined ? [] : [{ name: named(first), stages: [] }];
  for (const instruction of steps) {
    const origins = fromsOf(instruction).map((from) =>
      copyOrigin(plan.file, instruction, from, stage.index, stage.contexts),
    );
    const stages = [...(vertices.length === 0 ? base : []), ...origins.flatMap(stageIndexes)];
    vertices.push({ name: named(inCapitals(instruction.text)), instruction, stages });
  }
  return vertices;
}

/** Whether an instruction is a node of the graph. */
export function worksOnFiles({ name }: Instruction): boolean {
  return name === 'RUN' || name === 'COPY' || name === 'ADD' || name === 'WORKDIR';
}

function stageIndexes(origin: Origin): number[] {
  return origin.kind === 'stage' ? [origin.index] : [];
}

function fromVertex({ base }: PlannedStage): string | undefined {
  return base.kind === 'image' ? `FROM ${formatReference(parseReference(base.reference))}` : undefined;
}

/** Its own, or that of the stage that it begins with. */
function platformOf(plan: BuildPlan, { platform, base }: PlannedStage): string | undefined {
  if (base.kind !== 'stage') return platform;
  const before = plan.stages.find(({ index }) => index === base.index);
  return platform ?? (before && platformOf(plan, before));
}

/** `linux/amd64->arm64 ` for a stage of this machine in a build for another one. */
function platformLabel(own: string | undefined, target: string | undefined): string {
  if (target === undefined) return '';
  if (own === undefined || own === target) return `${target} `;
  const [os, ...rest] = target.split('/');
  return own.startsWith(`${os}/`) ? `${own}->${rest.join('/')} ` : `${own}->${target} `;
}

/** The stage's name; a file with one stage says none unless it has one. */
function labelOf({ file }: BuildPlan, { index, from }: PlannedStage): string {
  if (from.as !== undefined) return `${from.as} `;
  return file.stages.length === 1 ? '' : `stage-${index} `;
}

function inCapitals(text: string): string {
  return text.replace(/^\S+/, (keyword) => keyword.toUpperCase());
}
