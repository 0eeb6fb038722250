import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { peerUid } from '#adapters/linux/peer-credentials.ts';

/** Who is at the other end of a connection, for the history: a user of this machine, a certificate's name, an address. */
export function callerOf(socket: Socket): string {
  if (socket instanceof TLSSocket) {
    const certificate = socket.getPeerCertificate();
    // Without one it is an empty object.
    if ('subject' in certificate) return String(certificate.subject.CN);
  }
  if (socket.remoteAddress !== undefined) return socket.remoteAddress;
  const fd = descriptorOf(socket);
  if (fd === undefined) return 'unknown';
  try {
    const uid = peerUid(fd);
    return userName(uid) ?? `uid ${uid}`;
  } catch {
    // Its connection was reset meanwhile.
    return 'unknown';
  }
}

/** Node keeps it to itself: it is a property of the handle. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}

function userName(uid: number): string | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields[2] === String(uid))?.[0];
}
