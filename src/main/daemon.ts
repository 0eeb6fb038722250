import { pino, type Logger } from 'pino';
import { loadSettings } from '#adapters/settings/settings-file.ts';
import { boundPatterns } from '#adapters/supervisor/bound-patterns.ts';
import { repairHybridCgroups } from '#adapters/supervisor/hybrid-cgroups.ts';
import { writePidFile } from '#adapters/supervisor/pid-file.ts';
import { lockRoot } from '#adapters/supervisor/root-lock.ts';
import { ScopedSockets } from '#adapters/supervisor/scoped-sockets.ts';
import { MemorySettler } from '#adapters/supervisor/settle-memory.ts';
import { readTlsFiles } from '#adapters/supervisor/tls-files.ts';
import { createServer, type ServerOptions } from '#api/server.ts';
import { endpointsOf, listenOn, refuseUsed, removeSockets } from '#main/listeners.ts';
import { release } from '#main/release.ts';
import { wire } from '#main/wire.ts';

/** How long running requests may take to finish after a signal to stop. */
const graceMs = 1000;

/**
 * The daemon in the foreground, until SIGTERM or SIGINT. There is one way to start: it repairs what a crash
 * left, too.
 * @throws what is wrong with the settings, the root folder or the socket
 */
export async function runDaemon(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  boundPatterns();
  const { settings } = await loadSettings(environment);
  const log = pino({ level: settings.log.level }, pino.destination({ fd: 2, sync: false }));
  endOnUnexpected(log);
  const endpoints = endpointsOf(settings);
  const tls = await readTlsFiles(settings.api.tls);
  const lock = await lockRoot(settings.root);
  await refuseUsed(endpoints);
  const pidFile = await writePidFile(settings.run);
  for (const change of await repairHybridCgroups()) log.warn(change);
  const wired = await wire(settings, log);
  const { sockets } = wired;
  const memory = new MemorySettler((settled) => log.debug(settled, 'gave memory back'));
  const routes: ServerOptions['routes'] = (app, hijack, doors) => {
    app.addHook('onRequest', (_request, _reply, done) => {
      memory.active();
      done();
    });
    wired.routes(app, hijack, doors);
  };
  const server = await createServer({ log, version: release.version, routes });
  // Who is told to stop as soon as it answers must stop in order too.
  const stop = stopSignal();
  await listenOn(server, endpoints, tls);
  await wired.serveRegistry();
  await sockets.serve(new ScopedSockets((scope) => server.doors.open({ scope })));
  log.info({ host: settings.host, root: settings.root, version: release.version }, 'ready');
  memory.active();
  const signal = await stop;
  log.info({ signal }, 'stopping; containers go on');
  await server.stop(graceMs);
  await sockets.close();
  await removeSockets(endpoints);
  await pidFile.remove();
  await wired.close();
  await lock.close();
  log.info('stopped');
  // The pipes of execs, which go on, would keep this process; so would a log that nobody reads any more.
  log.flush(() => process.exit(0));
  setTimeout(() => process.exit(0), graceMs).unref();
}

// What nobody expected leaves the process in a state that nobody thought of; the next start repairs.
function endOnUnexpected(log: Logger): void {
  const end = (error: unknown): void => {
    log.fatal({ err: error }, 'unexpected error, the daemon ends; containers go on');
    log.flush(() => process.exit(70));
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.on(name, (signal) => {
        process.once(name, () => process.exit(1));
        resolve(signal);
      });
  });
}
