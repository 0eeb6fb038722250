import type { ContainerConfig } from '#domain/container/config.ts';

export interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** A directory, link or file that a maintainer script would have made. */
export type Extra =
  | { path: string; kind: 'directory'; owner?: Account; mode?: number }
  | { path: string; kind: 'link'; to: string }
  | { path: string; kind: 'file'; content: string; owner?: Account; mode?: number };

/**
 * What needs the unpacked tree: a link for each applet of busybox; the authorities as Java reads them; a link in /usr/bin for
 * each program of the one Java runtime; PHP's extensions switched on and its programs under their usual names.
 */
export type Finishing = 'busybox-links' | 'java-authorities' | 'java-links' | 'php';

/** How an image runs. */
export interface Recipe {
  user: Account;
  extras: readonly Extra[];
  config: Pick<
    ContainerConfig,
    'Entrypoint' | 'Cmd' | 'ExposedPorts' | 'Volumes' | 'WorkingDir' | 'StopSignal' | 'Healthcheck'
  >;
  /** Beside PATH and LANG, as NAME=VALUE. */
  environment?: readonly string[];
  finishing?: readonly Finishing[];
}

export const app: Account = { name: 'app', uid: 1000, gid: 1000, home: '/home/app' };

export const plain = (command: string): Recipe => ({ user: app, extras: [], config: { Cmd: [command] } });

const second = 1e9;

/** A health check that soon tells that a server is up, and seldom afterwards. */
export const probe = (command: string): NonNullable<ContainerConfig['Healthcheck']> => ({
  Test: ['CMD-SHELL', command],
  Interval: 30 * second,
  Timeout: 5 * second,
  StartPeriod: 60 * second,
  StartInterval: second,
  Retries: 3,
});
