import { argumentValue, type BuildArguments } from '#domain/build/arguments.ts';
import { expanderFor, type Expander } from '#domain/build/state.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import { expandWord, type Lookup } from '../expand.ts';
import type { Args, Copy, Instruction, Named } from '../instruction.ts';
import { readMount, type Mount } from '../mount.ts';
import type { Dockerfile } from '../parse.ts';

/** Arguments that never stand in the environment. */
const hidden = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What is known before a stage begins. */
export interface ScopeSource {
  file: Dockerfile;
  args: BuildArguments;
}

/** What an instruction holds, its variables expanded. */
export interface Reading {
  /** For each word the variables in it that nothing defines. */
  undefinedNames: string[][];
  /** In the order of the instruction; of COPY and ADD the sources. */
  words: string[];
  mounts: Mount[];
}

/** What the instructions of a stage can name, as it grows from one to the next; nothing is run. */
export class Scope {
  readonly #source: ScopeSource;
  readonly #env: Map<string, string>;
  /** The ARGs of the stage and of those below it. */
  readonly declared: Set<string>;
  /** What is below is not known, and may define anything. */
  readonly isOpen: boolean;
  hasWorkdir: boolean;
  hasShell: boolean;

  private constructor(
    source: ScopeSource,
    from: Pick<Scope, 'declared' | 'isOpen' | 'hasWorkdir' | 'hasShell'>,
    env: Iterable<[string, string]>,
  ) {
    this.#source = source;
    this.#env = new Map([['PATH', PATH], ...env]);
    this.declared = new Set(from.declared);
    this.isOpen = from.isOpen;
    this.hasWorkdir = from.hasWorkdir;
    this.hasShell = from.hasShell;
  }

  /** Of a stage upon an image; undefined when the image is not at hand. */
  static ofImage(source: ScopeSource, config: ContainerConfig | undefined): Scope {
    const env = (config?.Env ?? []).map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    });
    const hasShell = (config?.Shell ?? []).length > 0;
    return new Scope(
      source,
      { declared: new Set(), isOpen: config === undefined, hasWorkdir: false, hasShell },
      env,
    );
  }

  /** Of a stage upon this one: it sees the variables and arguments of this one. */
  child(): Scope {
    return new Scope(this.#source, this, this.#env);
  }

  /** The names that can be meant. */
  names(): string[] {
    return [...this.#env.keys()];
  }

  /** Expands what the instruction holds, and takes over what it defines. @throws invalid `dockerfile-invalid`, MountError */
  read(instruction: Instruction): Reading {
    const reader = new Reader(this.#source.file, instruction, {
      lookup: (name) => this.#env.get(name),
      isKnown: (name) => this.isOpen || this.declared.has(name) || hidden.has(name),
    });
    switch (instruction.name) {
      case 'ARG':
        this.#declare(instruction, reader);
        break;
      case 'ENV':
      case 'LABEL':
        this.#pairs(instruction, reader);
        break;
      case 'COPY':
      case 'ADD':
        readFiles(instruction, reader);
        break;
      case 'SHELL':
        this.hasShell = true;
        break;
      case 'RUN':
        reader.mounts.push(
          ...instruction.mounts.map(({ text }) => readMount(text, (word) => reader.one(word))),
        );
        break;
      case 'EXPOSE':
      case 'VOLUME':
        for (const value of instruction.values)
          if (instruction.name === 'EXPOSE') reader.many(value);
          else reader.one(value);
        break;
      case 'WORKDIR':
      case 'USER':
      case 'STOPSIGNAL':
        reader.one(instruction.value);
        break;
      default:
    }
    return reader.reading();
  }

  /** The value that an ARG has by now. */
  value(name: string): string | undefined {
    return this.#env.get(name);
  }

  #pairs(instruction: Named<'ENV' | 'LABEL'>, reader: Reader): void {
    const pairs = instruction.pairs.map(({ name, value }) => [reader.one(name), reader.one(value)] as const);
    if (instruction.name === 'ENV') for (const [name, value] of pairs) this.#env.set(name, value);
  }

  // Each one sees what those before it defined.
  #declare(instruction: Args, reader: Reader): void {
    const { args } = this.#source;
    for (const { name, value } of instruction.args) {
      const standard = value === undefined || Object.hasOwn(args.given, name) ? value : reader.one(value);
      const chosen = argumentValue(args, name, standard);
      if (chosen !== undefined && !hidden.has(name)) this.#env.set(name, chosen);
      this.declared.add(name);
    }
  }
}

function readFiles(copy: Copy & Named<'COPY' | 'ADD'>, reader: Reader): void {
  for (const word of [copy.chown, copy.chmod, copy.name === 'ADD' ? copy.checksum : undefined])
    if (word !== undefined) reader.silent(word);
  for (const source of copy.sources) if (typeof source === 'string') reader.one(source);
  reader.silent(copy.destination);
  for (const source of copy.sources)
    if (typeof source !== 'string' && source.expand) reader.text(source.content);
}

interface Knowledge {
  lookup: Lookup;
  isKnown: (name: string) => boolean;
}

/** Expands words, and notes what they name that nothing defines. */
class Reader {
  readonly mounts: Mount[] = [];
  readonly #words: string[] = [];
  readonly #unknown: string[][] = [];
  readonly #expander: Expander;
  readonly #lookup: Lookup;
  readonly #isKnown: (name: string) => boolean;
  #current = new Set<string>();

  constructor(file: Dockerfile, instruction: Instruction, { lookup, isKnown }: Knowledge) {
    this.#lookup = (name) => {
      const value = lookup(name);
      if (value === undefined) this.#current.add(name);
      return value;
    };
    this.#isKnown = isKnown;
    this.#expander = expanderFor(file, instruction, this.#lookup);
  }

  one(word: string): string {
    const text = this.silent(word);
    this.#words.push(text);
    return text;
  }

  /** Expands a word that is not wanted afterwards. */
  silent(word: string): string {
    const text = this.#expander.one(word);
    this.#note();
    return text;
  }

  // BuildKit does not look for undefined variables here.
  many(word: string): void {
    this.#words.push(...this.#expander.many(word));
    this.#current = new Set();
  }

  /** The text of a here-document. */
  text(content: string): void {
    expandWord(content, { escape: '\\', lookup: this.#lookup, quotes: 'plain' });
    this.#note();
  }

  reading(): Reading {
    return { undefinedNames: this.#unknown, words: this.#words, mounts: this.mounts };
  }

  // By what is declared at this moment: an ARG does not know itself.
  #note(): void {
    this.#unknown.push([...this.#current].filter((name) => !this.#isKnown(name)));
    this.#current = new Set();
  }
}
