import type { Args, From, Instruction, Written } from '../instruction.ts';
import type { Dockerfile, Stage } from '../parse.ts';
import { rules } from './rules.ts';
import type { Findings } from './warning.ts';

// What can be said from the text alone: casing, names, continuations, descriptions.

export function checkWriting(file: Dockerfile, findings: Findings): void {
  for (const written of everything(file)) checkContinuation(written, findings);
  for (const instruction of file.globals) checkDescriptions(instruction, findings);
  for (const stage of file.stages) checkStage(stage, findings);
  checkNames(file.stages, findings);
  checkCasing(file.stages, findings);
}

function everything({ globals, stages }: Dockerfile): Written[] {
  return [...globals, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])];
}

function checkContinuation(written: Written, findings: Findings): void {
  if (written.emptyContinuation === undefined) return;
  const at = { line: written.emptyContinuation, column: 1 };
  findings.add(rules.noEmptyContinuation, { at, text: '' }, 'Empty continuation line');
}

function checkStage({ from, instructions }: Stage, findings: Findings): void {
  checkFrom(from, findings);
  for (const instruction of instructions) {
    if (instruction.name === 'ARG') checkDescriptions(instruction, findings);
    if (instruction.name === 'MAINTAINER')
      findings.add(
        rules.maintainerDeprecated,
        instruction,
        'Maintainer instruction is deprecated in favor of using label',
      );
  }
}

function checkFrom(from: From & Written, findings: Findings): void {
  const [, as = '', name = ''] = /\s(as)\s+(\S+)$/i.exec(from.text) ?? [];
  if (from.as === undefined) return;
  if (name !== name.toLowerCase())
    findings.add(rules.stageNameCasing, from, `Stage name '${name}' should be lowercase`);
  const keyword = keywordOf(from);
  if (caseOf(keyword) !== 'mixed' && caseOf(keyword) !== caseOf(as))
    findings.add(rules.fromAsCasing, from, `'${as}' and '${keyword}' keywords' casing do not match`);
  checkDescription('FROM', [from.as], from, findings);
}

/** The keyword as it is written. */
export function keywordOf(written: Written): string {
  return /^\S+/.exec(written.text)?.[0] ?? '';
}

function caseOf(word: string): 'lowercase' | 'uppercase' | 'mixed' {
  if (word === word.toLowerCase()) return 'lowercase';
  return word === word.toUpperCase() ? 'uppercase' : 'mixed';
}

function checkDescriptions(instruction: Args, findings: Findings): void {
  checkDescription(
    'ARG',
    instruction.args.map(({ name }) => name),
    instruction,
    findings,
  );
}

function checkDescription(keyword: string, names: string[], written: Written, findings: Findings): void {
  const last = written.comments?.at(-1);
  if (last === undefined || names.includes(last.split(' ', 1)[0] ?? '')) return;
  const example = names.length === 1 ? (names[0] ?? '') : '<arg_key>';
  const message = `Comment for ${keyword} should follow the format: \`# ${example} <description>\``;
  findings.add(rules.invalidDefinitionDescription, written, message);
}

function checkNames(stages: Stage[], findings: Findings): void {
  const seen = new Set<string>();
  for (const { from } of stages) {
    const { as } = from;
    if (as === undefined) continue;
    if (as === 'context' || as === 'scratch')
      findings.add(
        rules.reservedStageName,
        from,
        `Stage name should not use the same name as reserved stage "${as}"`,
        [],
      );
    if (seen.has(as))
      findings.add(
        rules.duplicateStageName,
        from,
        `Duplicate stage name "${as}", stage names should be unique`,
        [],
      );
    seen.add(as);
  }
}

function checkCasing(stages: Stage[], findings: Findings): void {
  const all: (Instruction | (From & Written))[] = stages.flatMap(({ from, instructions }) => [
    from,
    ...instructions,
  ]);
  const cases = all.map((each) => caseOf(keywordOf(each)));
  const count = (kind: string): number => cases.filter((each) => each === kind).length;
  const majority = count('lowercase') > count('uppercase') ? 'lowercase' : 'uppercase';
  for (const each of all) {
    const keyword = keywordOf(each);
    if (caseOf(keyword) === majority) continue;
    const message = `Command '${keyword}' should match the case of the command majority (${majority})`;
    findings.add(rules.consistentInstructionCasing, each, message, []);
  }
}
