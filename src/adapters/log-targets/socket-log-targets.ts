import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { invalid, messageOf, systemCode, unavailable } from '#base/errors.ts';
import type { LogOrigin } from '#domain/log/origin.ts';
import type { SyslogAddress, SyslogTls } from '#domain/log/syslog-options.ts';
import type { LogConnection, LogTarget, LogTargets } from '#ports/log-targets.ts';
import { connectUdp, connectUnixDatagram } from './datagram-connection.ts';
import { connectSecure, connectStream } from './stream-connection.ts';

/** Where a host's own syslog listens, as Docker looks for it. */
const localSockets = ['/dev/log', '/var/run/syslog', '/var/run/log'];

/** The port LogTargets on the sockets of the host. */
export class SocketLogTargets implements LogTargets {
  readonly origin: LogOrigin = {
    hostName: hostname(),
    processId: process.pid,
    zoneMinutes: (time) => -new Date(time).getTimezoneOffset(),
  };
  readonly #journal: string;

  /** @param journal path of the journal's socket for the native protocol */
  constructor(journal: string) {
    this.#journal = journal;
  }

  async open(target: LogTarget): Promise<LogConnection> {
    if (target.kind === 'journal')
      return opened(`journald is not enabled on this host`, this.#journal, () =>
        connectUnix(this.#journal, true),
      );
    const tls = target.address.transport === 'tls' ? await secured(target.address.tls) : {};
    const where = placeOf(target.address);
    return opened(`dial ${where}`, where, () => connectSyslog(target.address, tls));
  }
}

/** One kind of error for whatever keeps a receiver from being reached, then and later. */
async function opened(
  failure: string,
  where: string,
  open: () => Promise<LogConnection>,
): Promise<LogConnection> {
  const unreachable = (error: unknown): Error =>
    unavailable('log-target-unreachable', `${failure}: ${messageOf(error)}`, {
      cause: error,
      hint: `see that a receiver listens at ${where}`,
    });
  const connection = await open().catch((error: unknown) => {
    throw unreachable(error);
  });
  return {
    send: (messages) =>
      connection.send(messages).catch((error: unknown) => {
        throw unreachable(error);
      }),
    close: () => connection.close(),
  };
}

function connectSyslog(address: SyslogAddress, tls: ConnectionOptions): Promise<LogConnection> {
  switch (address.transport) {
    case 'local':
      return connectLocal();
    case 'unixgram':
      return connectUnix(address.path, true);
    case 'unix':
      return connectUnix(address.path, false);
    case 'udp':
      return connectUdp(address.host, address.port);
    case 'tcp':
      return connectStream(address);
    case 'tls': {
      const { host, port } = address;
      return connectSecure({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls });
    }
  }
}

/** A stream first, as the scheme says; most hosts have a socket of datagrams there. */
async function connectUnix(path: string, datagrams: boolean): Promise<LogConnection> {
  if (datagrams) return connectUnixDatagram(path);
  try {
    return await connectStream({ path });
  } catch (error) {
    if (systemCode(error) !== 'EPROTOTYPE') throw error;
    return connectUnixDatagram(path);
  }
}

async function connectLocal(): Promise<LogConnection> {
  for (const path of localSockets) {
    try {
      return await connectUnix(path, false);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ECONNREFUSED') throw error;
    }
  }
  throw new Error(`there is no syslog at ${localSockets.join(', ')}`);
}

function placeOf(address: SyslogAddress): string {
  if (address.transport === 'local') return "the host's syslog";
  if ('path' in address) return `${address.transport} ${address.path}`;
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return `${address.transport === 'udp' ? 'udp' : 'tcp'} ${host}:${address.port}`;
}

/** @throws invalid `log-target-tls` */
async function secured({ ca, cert, key, skipVerify }: SyslogTls): Promise<ConnectionOptions> {
  const read = async (option: string, path: string): Promise<Buffer> => {
    try {
      return await readFile(path);
    } catch (error) {
      throw invalid('log-target-tls', `${option}: the file '${path}' cannot be read: ${messageOf(error)}`);
    }
  };
  return {
    rejectUnauthorized: !skipVerify,
    ...(ca !== undefined && { ca: await read('syslog-tls-ca-cert', ca) }),
    ...(cert !== undefined && { cert: await read('syslog-tls-cert', cert) }),
    ...(key !== undefined && { key: await read('syslog-tls-key', key) }),
  };
}
