import { explainDiskFull } from '#base/disk-full.ts';
import { BerthError, messageOf, invalid } from '#base/errors.ts';
import type { Written } from '#domain/dockerfile/instruction.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { DockerfileError, excerpt, type ErrorPlace } from '#domain/dockerfile/source.ts';

/** A RUN that ended with another code than 0. */
export class StepFailure extends BerthError {
  readonly exitCode: number;
  /** Undefined while the step is not known. */
  readonly place: ErrorPlace | undefined;

  constructor(message: string, exitCode: number, place?: ErrorPlace, cause?: unknown) {
    super('invalid', 'build-step-failed', message, cause === undefined ? {} : { cause });
    this.exitCode = exitCode;
    this.place = place;
  }
}

/** Docker's words, and a note behind them. */
export function stepFailed(command: string[], exitCode: number, note = ''): StepFailure {
  return new StepFailure(
    `The command '${command.join(' ')}' returned a non-zero code: ${exitCode}${note}`,
    exitCode,
  );
}

/** The error with the place of the instruction below Docker's words, unless it says a place itself. */
export function located(file: Dockerfile, instruction: Written, thrown: unknown): Error {
  const error = explainDiskFull(thrown);
  if (!(error instanceof BerthError)) return error instanceof Error ? error : new Error(messageOf(error));
  if (error.code === 'dockerfile-invalid') return error;
  const { source } = file;
  const { at } = instruction;
  const length = (source.lines[at.line - 1] ?? '').length;
  const place = { source, at, words: error.message };
  if (error instanceof StepFailure) {
    const message = `${error.message}\n${excerpt(source, at, { length })}`;
    return new StepFailure(message, error.exitCode, place, error);
  }
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new DockerfileError(error.kind, error.code, place, { length }, { cause: error, ...hint });
}

export function noImage(): BerthError {
  return invalid('build-empty', 'No image was generated. Is your Dockerfile empty?', {
    hint: 'a stage of FROM scratch needs an instruction',
  });
}
