import koffi from 'koffi';
import { readdirSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { check, close } from '#adapters/linux/libc.ts';
import { copyDescriptor, openProcess } from '#adapters/linux/pidfd.ts';
import { Doorstep, receiveRights, sendRights } from '#adapters/linux/rights.ts';
import { systemCode } from '#base/errors.ts';

const libc = koffi.load('libc.so.6');
type GetName = (fd: number, address: Uint8Array, length: Uint32Array) => number;
const cName: GetName = libc.func('int getsockname(int, _Out_ uint8_t*, _Inout_ uint32_t*)');
type GetOption = (fd: number, level: number, name: number, value: Int32Array, length: Uint32Array) => number;
const cGetOption: GetOption = libc.func('int getsockopt(int, int, int, _Out_ int*, _Inout_ uint32_t*)');
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const AF_UNIX = 1;
/** HAProxy takes so many in a message (MAX_SEND_FD). */
const most = 252;
/** What is told of each socket: a name space and a device, of which it has none, and 32 bits that mean nothing. */
const wordsBytes = 6;
const requestBytes = '_getsocks\n'.length;

/**
 * Copies of the sockets on which HAProxy listens: while it is gone, connections wait in them instead of being refused, and
 * the next one gets them, by the exchange that HAProxy has for an old process and a new one (`-x`): the number of
 * sockets, then messages with up to 252 of them, each confirmed.
 */
export class HeldSockets {
  #held: number[] = [];

  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Takes copies of what the process listens on, instead of those from before. It may be gone already: then nothing changes. */
  take(pid: number): void {
    const process = openProcess(pid);
    if (process === undefined) return;
    try {
      const taken = listeningSockets(pid, process);
      this.release();
      this.#held = taken;
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      close(process);
    }
  }

  /** Gives them to whoever is started by `start` with `-x PATH`. */
  async during(path: string, start: () => Promise<void>): Promise<void> {
    await rm(path, { force: true });
    const doorstep = new Doorstep(path);
    const given = doorstep.accept().then((connection) => this.#give(connection));
    try {
      await start();
    } finally {
      doorstep.stop();
      await given;
      await rm(path, { force: true });
    }
  }

  release(): void {
    for (const fd of this.#held.splice(0)) close(fd);
  }

  async #give(connection: number | undefined): Promise<void> {
    if (connection === undefined) return;
    try {
      const asked = await receiveRights(connection, Buffer.alloc(requestBytes));
      if (asked.bytes <= 0) return;
      const count = Buffer.alloc(4);
      count.writeUInt32LE(this.#held.length);
      if (!(await sendRights(connection, count))) return;
      for (let from = 0; from < this.#held.length; from += most) {
        const part = this.#held.slice(from, from + most);
        if (!(await sendRights(connection, Buffer.alloc(wordsBytes * part.length), part))) return;
        await receiveRights(connection, Buffer.alloc(4));
      }
    } finally {
      close(connection);
    }
  }
}

function listeningSockets(pid: number, process: number): number[] {
  const taken: number[] = [];
  const folder = `/proc/${pid}/fd`;
  try {
    for (const name of readdirSync(folder)) {
      if (!readlinkSync(`${folder}/${name}`).startsWith('socket:')) continue;
      const copy = copyDescriptor(process, Number(name));
      if (isForClients(copy)) taken.push(copy);
      else close(copy);
    }
    return taken;
  } catch (error) {
    for (const fd of taken) close(fd);
    throw error;
  }
}

/** Listens, and has no path: those with one are for commands, and nobody is to wait there for an answer. */
function isForClients(fd: number): boolean {
  const listens = Int32Array.of(0);
  check(cGetOption(fd, SOL_SOCKET, SO_ACCEPTCONN, listens, Uint32Array.of(4)), 'getsockopt', `socket ${fd}`);
  if (listens[0] === 0) return false;
  const address = Buffer.alloc(128);
  check(cName(fd, address, Uint32Array.of(address.length)), 'getsockname', `socket ${fd}`);
  return address.readUInt16LE(0) !== AF_UNIX || address[2] === 0;
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '');
}
