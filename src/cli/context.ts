import type { Client } from '#cli/client.ts';
import type { Output } from '#cli/output.ts';

export interface EffectiveSetting {
  key: string;
  value: unknown;
  /** `default`, `FILE:LINE` or `environment NAME`. */
  source: string;
}

/** What the rest of the program hands to the command line, which knows only the API's types itself. */
export interface Program {
  version: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Runs the daemon in this process until it is told to stop. */
  daemon: () => Promise<void>;
  settings: () => Promise<{
    settings: { root: string; run: string; host: string };
    effective: EffectiveSetting[];
  }>;
}

/** What every command gets. */
export interface Context {
  program: Program;
  output: Output;
  /** A client of the daemon of the settings in force (BERTH_HOST). */
  client: () => Promise<Client>;
}
