import type { Instruction } from '#domain/dockerfile/instruction.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { mistake } from '#domain/dockerfile/source.ts';

/**
 * Flags of the language that this engine does not carry out yet: naming one is an error, so that none is
 * dropped in silence.
 * @throws invalid `dockerfile-invalid` with the flag's name
 */
export function refuseUnhonouredFlags(file: Dockerfile, instruction: Instruction): void {
  const flag = unhonoured(instruction);
  if (flag === undefined) return;
  throw mistake(file.source, instruction.at, `${instruction.name} ${flag} is not offered by this builder`, {
    length: instruction.text.length,
  });
}

function unhonoured(instruction: Instruction): string | undefined {
  if (instruction.name !== 'COPY' && instruction.name !== 'ADD') return undefined;
  if (instruction.keepGitDir !== undefined) return '--keep-git-dir';
  return undefined;
}
