import { own } from '#base/own.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import { defaultPath } from '#domain/container/environment.ts';
import type { HistoryEntry, ImageConfig } from '#domain/image/manifest.ts';
import { ExpansionError, expandWord, expandWords, type Expansion } from '#domain/dockerfile/expand.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import type { Instruction } from '#domain/dockerfile/instruction.ts';
import { misuse } from '#domain/dockerfile/source.ts';

/** Where a stage stands: what the image would be now, and what its instructions can name. */
export interface StageState {
  config: ImageConfig;
  /** The ARGs in scope that have a value. */
  args: Record<string, string>;
  /** A CMD stood in this stage, so that an ENTRYPOINT no longer resets it. */
  cmdSet: boolean;
}

export function configOf(state: StageState): ContainerConfig {
  return state.config.config ?? {};
}

/** Builds give every image a PATH, as Docker's builders do. */
export function withDefaultPath(state: StageState): StageState {
  const env = configOf(state).Env ?? [];
  return env.some((entry) => entry.startsWith('PATH='))
    ? state
    : withConfig(state, { Env: [...env, defaultPath] });
}

/** The state with some fields of the image's configuration set. */
export function withConfig(state: StageState, changes: ContainerConfig): StageState {
  return { ...state, config: { ...state.config, config: { ...configOf(state), ...changes } } };
}

export function withHistory(state: StageState, entry: HistoryEntry): StageState {
  const created = entry.created === undefined ? {} : { created: entry.created };
  const history = [...(state.config.history ?? []), entry];
  return { ...state, config: { ...state.config, ...created, history } };
}

/** Value of a variable: ENV before ARG. */
export function lookupIn(state: StageState): (name: string) => string | undefined {
  const env = new Map((configOf(state).Env ?? []).map((entry) => splitEntry(entry)));
  return (name) => env.get(name) ?? own(state.args, name);
}

function splitEntry(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** Expands the words of one instruction; a mistake points at the instruction. */
export interface Expander {
  one(word: string): string;
  many(word: string): string[];
}

export function expanderFor(
  file: Dockerfile,
  instruction: Pick<Instruction, 'at' | 'text'>,
  lookup: Expansion['lookup'],
): Expander {
  const expansion: Expansion = { escape: file.directives.escape, lookup };
  const guarded = <T>(expand: (word: string, expansion: Expansion) => T, word: string): T => {
    try {
      return expand(word, expansion);
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      const message = `failed to process ${JSON.stringify(word)}: ${error.message}`;
      throw misuse(file.source, instruction.at, message, { length: instruction.text.length });
    }
  };
  return {
    one: (word) => guarded(expandWord, word),
    many: (word) => guarded(expandWords, word),
  };
}
