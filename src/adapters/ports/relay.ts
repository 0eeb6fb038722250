import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { RelayTarget } from '#ports/packet-filter.ts';

/** As docker-proxy: a caller by UDP that is silent for so long has gone. */
const UDP_IDLE_MS = 90_000;
const MAX_UDP_CALLERS = 1024;

/** What comes to a held socket is passed on to a container, and its answers back. */
export interface Relay {
  target: RelayTarget;
  close(): void;
}

/** @param fd a bound socket, owned from now on */
export function relayTcp(fd: number, target: RelayTarget): Relay {
  const open = new Set<Socket>();
  // Both ends may close their half first.
  const server: Server = createServer({ allowHalfOpen: true }, (caller) => {
    const callee = connect({ ...relay.target, host: relay.target.address, allowHalfOpen: true });
    for (const [one, other] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroySoon();
      });
    }
  });
  // A connection that could not be taken is the caller's to repeat.
  server.on('error', () => undefined);
  server.listen({ fd }).unref();
  const relay: Relay = {
    target,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
  return relay;
}

/** @param fd a bound socket, owned from now on */
export function relayUdp(fd: number, target: RelayTarget): Relay {
  const server = createSocket('udp6');
  const callers = new Map<string, { callee: UdpSocket; timer: NodeJS.Timeout }>();
  const forget = (key: string): void => {
    const caller = callers.get(key);
    callers.delete(key);
    clearTimeout(caller?.timer);
    caller?.callee.close();
  };
  const calleeOf = (address: string, port: number): UdpSocket | undefined => {
    const key = `${address} ${port}`;
    const known = callers.get(key);
    if (known !== undefined) {
      known.timer.refresh();
      return known.callee;
    }
    if (callers.size >= MAX_UDP_CALLERS) return undefined;
    const callee = createSocket(relay.target.address.includes(':') ? 'udp6' : 'udp4').unref();
    callee.on('message', (answer) => {
      callers.get(key)?.timer.refresh();
      server.send(answer, port, address);
    });
    // Such as "connection refused": the caller gets no answer, as from a lost datagram.
    callee.on('error', () => forget(key));
    callers.set(key, { callee, timer: setTimeout(forget, UDP_IDLE_MS, key).unref() });
    return callee;
  };
  server.on('message', (datagram, from) => {
    calleeOf(from.address, from.port)?.send(datagram, relay.target.port, relay.target.address);
  });
  server.on('error', () => undefined);
  server.bind({ fd });
  server.unref();
  const relay: Relay = {
    target,
    close: () => {
      for (const key of [...callers.keys()]) forget(key);
      server.close();
    },
  };
  return relay;
}
