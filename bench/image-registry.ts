import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** On loopback, in whatever network. */
export const registryHost = '127.0.0.1:5799';

export interface RegistryPlace {
  /** For its configuration. */
  scratch: string;
  /** What it holds. */
  storage: string;
  /** A process whose network it is reached in; undefined for the host's. */
  network: number | undefined;
}

/** Runs `work` beside Debian's docker-registry. */
export async function withRegistry(place: RegistryPlace, work: () => Promise<void>): Promise<void> {
  const stop = await startRegistry(place);
  try {
    await work();
  } finally {
    await stop();
  }
}

async function startRegistry({ scratch, storage, network }: RegistryPlace): Promise<() => Promise<void>> {
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: registryHost },
  };
  const path = join(scratch, 'registry.yml');
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config));
  const serve = ['docker-registry', 'serve', path];
  const [program = '', ...args] =
    network === undefined ? serve : ['nsenter', `--net=/proc/${network}/ns/net`, ...serve];
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  const closed = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  createInterface(child.stderr).on('line', (line) => {
    if (line.includes('listening on')) resolve();
  });
  child.once('close', () => reject(new Error('docker-registry ended')));
  await ready;
  return stop;
}
