import koffi from 'koffi';
import { check } from './libc.ts';

const libc = koffi.load('libc.so.6');
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred of unix(7): pid, uid and gid, of 32 bits each. */
const credentialsLength = 12;

type GetOption = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number;
const cGetOption: GetOption = libc.func('int getsockopt(int, int, int, void*, void*)');

/** User id of the process that connected to a unix socket. @throws SystemCallError for other descriptors */
export function peerUid(fd: number): number {
  const value = Buffer.alloc(credentialsLength);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(credentialsLength);
  check(cGetOption(fd, SOL_SOCKET, SO_PEERCRED, value, length), 'getsockopt', `SO_PEERCRED of ${fd}`);
  return value.readUInt32LE(4);
}
