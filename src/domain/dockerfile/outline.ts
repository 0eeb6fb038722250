import { own } from '#base/own.ts';
import { globalValues, type GlobalRequest } from '#domain/build/globals.ts';
import { globalWord } from './checks/bases.ts';
import { Scope, type ScopeSource } from './checks/scope.ts';
import { describedAs } from './description.ts';
import type { Args, Written } from './instruction.ts';
import type { Mount } from './mount.ts';
import type { Dockerfile, Stage } from './parse.ts';
import type { ContainerConfig } from '#domain/container/config.ts';

/** Something that a build of a target takes. */
export interface OutlineEntry {
  name: string;
  /** The line of the instruction that names it. */
  line: number;
  endLine: number;
}

export interface OutlineArg extends OutlineEntry {
  /** With what was given. */
  value?: string;
  /** From the comment before it. */
  description?: string;
}

export interface RequiredEntry extends OutlineEntry {
  required: boolean;
}

/** What `docker build --call=outline` says of a target. */
export interface Outline {
  /** '' for a stage without a name. */
  name: string;
  description?: string;
  args: OutlineArg[];
  secrets: RequiredEntry[];
  ssh: RequiredEntry[];
  caches: OutlineEntry[];
}

/** A stage that can be a target (`--call=targets`). */
export interface Target {
  name: string;
  description?: string;
  isDefault: boolean;
  base: string;
  platform?: string;
  line: number;
  endLine: number;
}

/** The stages of a file, in order. */
export function targetsOf({ stages }: Dockerfile): Target[] {
  return stages.map(({ from }, index) => ({
    ...{ name: from.as ?? '', isDefault: index === stages.length - 1, base: from.image },
    ...descriptionOf(from, from.as),
    ...(from.platform === undefined ? {} : { platform: from.platform }),
    ...linesOf(from),
  }));
}

export interface OutlineRequest extends GlobalRequest {
  /** The stages that the target needs, with itself as the last. */
  stages: number[];
  /** The configuration of an image; undefined when it is not at hand. */
  base?: (reference: string) => ContainerConfig | undefined;
}

/** What the target and the stages below it take. @throws invalid `dockerfile-invalid`, MountError */
export function outlineOf(file: Dockerfile, request: OutlineRequest): Outline {
  const outliner = new Outliner(file, request);
  for (const index of request.stages) outliner.read(file.stages[index]);
  const target = file.stages[request.stages.at(-1) ?? file.stages.length - 1];
  const from = target?.from;
  return {
    name: from?.as ?? '',
    ...(from === undefined ? {} : descriptionOf(from, from.as)),
    ...outliner.found(),
  };
}

class Outliner {
  readonly #file: Dockerfile;
  readonly #request: OutlineRequest;
  readonly #source: ScopeSource;
  readonly #scopes = new Map<string, Scope>();
  readonly #args = new Map<string, OutlineArg>();
  readonly #secrets = new Map<string, RequiredEntry>();
  readonly #ssh = new Map<string, RequiredEntry>();
  readonly #caches = new Map<string, OutlineEntry>();

  constructor(file: Dockerfile, request: OutlineRequest) {
    this.#file = file;
    this.#request = request;
    this.#source = { file, args: { given: request.args, globals: globalValues(file, request) } };
  }

  read(stage: Stage | undefined): void {
    if (stage === undefined) return;
    const { from } = stage;
    const image = this.#expandFrom(from, from.image);
    if (from.platform !== undefined) this.#expandFrom(from, from.platform);
    const config = image === 'scratch' ? {} : this.#request.base?.(image);
    const scope = this.#scopes.get(image.toLowerCase())?.child() ?? Scope.ofImage(this.#source, config);
    if (from.as !== undefined) this.#scopes.set(from.as, scope);
    for (const instruction of stage.instructions) {
      for (const mount of scope.read(instruction).mounts) this.#addMount(mount, instruction);
      if (instruction.name === 'ARG') this.#addArgs(instruction, (name) => scope.value(name));
    }
  }

  found(): Pick<Outline, 'args' | 'secrets' | 'ssh' | 'caches'> {
    const sorted = <T extends OutlineEntry>(entries: Map<string, T>): T[] =>
      [...entries.values()].sort((one, other) => one.line - other.line);
    return {
      ...{ args: sorted(this.#args), secrets: sorted(this.#secrets) },
      ...{ ssh: sorted(this.#ssh), caches: sorted(this.#caches) },
    };
  }

  // A global ARG counts where a FROM that is built names it, or one that it stands in.
  #expandFrom(from: Written, word: string): string {
    const { text, matched, unmatched } = globalWord(this.#file, from, word, this.#source.args.globals);
    for (const name of [...matched, ...unmatched]) this.#addGlobal(name, new Set());
    return text;
  }

  #addGlobal(name: string, seen: Set<string>): void {
    const instruction = this.#file.globals.findLast(({ args }) => args.some((arg) => arg.name === name));
    if (instruction === undefined || seen.has(name)) return;
    seen.add(name);
    const { globals, given } = this.#source.args;
    this.#addArg(instruction, name, own(globals, name));
    const standard = instruction.args.findLast((arg) => arg.name === name)?.value;
    if (standard === undefined || own(given, name) !== undefined) return;
    for (const other of globalWord(this.#file, instruction, standard, globals).matched)
      this.#addGlobal(other, seen);
  }

  #addArgs(instruction: Args, value: (name: string) => string | undefined): void {
    const { globals, given } = this.#source.args;
    for (const { name, value: standard } of instruction.args) {
      const isBare = standard === undefined && own(given, name) === undefined;
      // Without a value of its own it is the global one; what is predefined is not told.
      if (isBare && own(globals, name) !== undefined) this.#addGlobal(name, new Set());
      else this.#addArg(instruction, name, isBare ? undefined : value(name));
    }
  }

  #addArg(instruction: Args, name: string, value: string | undefined): void {
    this.#args.set(name, {
      name,
      ...(value === undefined ? {} : { value }),
      ...descriptionOf(instruction, name),
      ...linesOf(instruction),
    });
  }

  #addMount(mount: Mount, written: Written): void {
    const add = <T extends OutlineEntry>(entries: Map<string, T>, entry: T): void => {
      if (!entries.has(entry.name)) entries.set(entry.name, entry);
    };
    if (mount.type === 'secret' || mount.type === 'ssh') {
      const entry = { name: mount.id, required: mount.required, ...linesOf(written) };
      add(mount.type === 'secret' ? this.#secrets : this.#ssh, entry);
    } else if (mount.type === 'cache') add(this.#caches, { name: mount.id, ...linesOf(written) });
  }
}

function descriptionOf(written: Written, name = ''): { description?: string } {
  const description = name === '' ? undefined : describedAs(written, name);
  return description === undefined ? {} : { description };
}

function linesOf({ at, endLine = at.line }: Written): { line: number; endLine: number } {
  return { line: at.line, endLine };
}
