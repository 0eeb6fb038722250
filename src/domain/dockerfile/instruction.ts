import type { Heredoc } from './heredoc.ts';
import type { Position } from './source.ts';

/** The shell form keeps one text, for the stage's SHELL; the exec form is taken as it is. */
export type Command = { form: 'shell'; text: string } | { form: 'exec'; args: string[] };

export interface Pair {
  name: string;
  value: string;
}

export interface From {
  name: 'FROM';
  image: string;
  as?: string;
  platform?: string;
}

export interface Run {
  name: 'RUN';
  command: Command;
  heredocs: Heredoc[];
  network: 'default' | 'none' | 'host';
  security: 'sandbox' | 'insecure';
  mounts: MountFlag[];
}

/** A `--mount`; its options may hold variables, so that they are read when the step is known (`readMount`). */
export interface MountFlag {
  /** Behind `--mount=`. */
  text: string;
  /** A stage's name, a named context or an image; takes no variables. */
  from?: string;
  at: Position;
}

/** ADD and COPY; a source is a path, a URL (ADD) or a here-document. */
export interface Copy {
  name: 'COPY' | 'ADD';
  sources: (string | Heredoc)[];
  destination: string;
  /** A stage's name or number, or an image. */
  from?: string;
  chown?: string;
  /** Octal or symbolic: `parseModeChange`. */
  chmod?: string;
  exclude: string[];
  /** The layer does not depend on what is below it. */
  link: boolean;
  /** COPY: sources keep their folders below the destination; from `/./` on where one has that. */
  parents: boolean;
  /** ADD of a URL or a Git repository: `sha256:...`, or a commit. */
  checksum?: string;
  /** ADD of a Git repository. */
  keepGitDir?: boolean;
  /** ADD: undefined unpacks archives of the context and keeps those of URLs. */
  unpack?: boolean;
}

export interface Healthcheck {
  name: 'HEALTHCHECK';
  /** Undefined for NONE. */
  command?: Command;
  /** Nanoseconds. */
  interval?: number;
  timeout?: number;
  startPeriod?: number;
  startInterval?: number;
  retries?: number;
}

export type Instruction = (
  | Run
  | Copy
  | Healthcheck
  | { name: 'ENV' | 'LABEL'; pairs: Pair[]; /** `NAME VALUE` without an equals sign. */ legacy?: true }
  | { name: 'ARG'; args: { name: string; value?: string }[] }
  | { name: 'WORKDIR' | 'USER' | 'STOPSIGNAL' | 'MAINTAINER'; value: string }
  | { name: 'EXPOSE' | 'VOLUME'; values: string[] }
  | { name: 'ENTRYPOINT' | 'CMD'; command: Command }
  | { name: 'SHELL'; args: string[] }
  | { name: 'ONBUILD'; trigger: string }
) &
  Written;

/** How it stands in the file. */
export interface Written {
  at: Position;
  /** The joined line: what the build's output shows. */
  text: string;
  /** The last source line, where it takes more than one. */
  endLine?: number;
  /** The comments right before it, without their marks. */
  comments?: string[];
  /** Where a continuation ends that has an empty line in it. */
  emptyContinuation?: number;
}

export type Named<N extends Instruction['name']> = Extract<Instruction, { name: N }>;
export type Args = Named<'ARG'>;
