import { join } from 'node:path';

/** Where the files of one HAProxy lie. */
export interface HaproxyPaths {
  folder: string;
  config: string;
  /** The running process's own socket, for changes without a reload. */
  api: string;
  /** The master's socket, for reloads. */
  master: string;
  pid: string;
  /** Where a new process gets the sockets of one that died. */
  handover: string;
  /** What it says of itself. */
  messages: string;
  /** What the running process has loaded. */
  loaded: string;
  certificates: string;
  challenges: string;
  /** Nothing is in it: the root folder of the running process. */
  empty: string;
}

export function pathsIn(folder: string): HaproxyPaths {
  const at = (name: string): string => join(folder, name);
  return {
    folder,
    config: at('haproxy.cfg'),
    api: at('api.sock'),
    master: at('master.sock'),
    pid: at('pid'),
    handover: at('handover.sock'),
    messages: at('messages'),
    loaded: at('loaded.json'),
    certificates: at('certs'),
    challenges: at('challenges.map'),
    empty: at('empty'),
  };
}

type MapKind = 'prefix' | 'exact' | 'sni';

export function mapPath({ folder }: HaproxyPaths, port: number, kind: MapKind): string {
  return join(folder, `${port}-${kind}.map`);
}

export function certificateListPath({ folder }: HaproxyPaths, port: number): string {
  return join(folder, `${port}.crtlist`);
}

/** Of the host's certificate with its key; '' for what is shown to clients that name no known host. */
export function certificatePath({ certificates }: HaproxyPaths, host: string): string {
  return join(certificates, `${host === '' ? '_any' : host.replace('*', '_')}.pem`);
}
