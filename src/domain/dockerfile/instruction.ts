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
}

/** ADD and COPY; a source is a path, a URL (ADD) or a here-document. */
export interface Copy {
  name: 'COPY' | 'ADD';
  sources: (string | Heredoc)[];
  destination: string;
  /** A stage's name or number, or an image. */
  from?: string;
  chown?: string;
  chmod?: string;
  exclude: string[];
  checksum?: string;
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
  | { name: 'ENV' | 'LABEL'; pairs: Pair[] }
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
}

export type Named<N extends Instruction['name']> = Extract<Instruction, { name: N }>;
export type Args = Named<'ARG'>;
