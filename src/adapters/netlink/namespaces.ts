import { closeSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CLONE_NEWNET, mount, MS, setns, unmountIfMounted, unshare } from '#adapters/linux/libc.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '#adapters/linux/netlink.ts';
import { setUp } from './messages.ts';
import { openNamespace } from './open-namespace.ts';

// Network namespaces, in a worker thread of their own: a switch moves the calling thread, and it is back
// before anything else runs.

const OWN_NAMESPACE = '/proc/thread-self/ns/net';
const LOOPBACK_INDEX = 1;

/** The namespace in which the thread began, to come back to. */
export class HomeNamespace {
  readonly #fd = openSync(OWN_NAMESPACE, 'r');

  /** Makes a namespace with loopback up and keeps it alive by a mount at `path`, in place of what a crash left there. */
  create(path: string): void {
    makePlace(path, () => {
      unshare(CLONE_NEWNET);
      try {
        using socket = new NetlinkSocket(NETLINK_ROUTE);
        socket.run(setUp('lo', LOOPBACK_INDEX));
        mount(OWN_NAMESPACE, path, null, MS.BIND);
      } finally {
        setns(this.#fd, CLONE_NEWNET);
      }
    });
  }

  /** As `create`, with a namespace that there is: `from` is its file in /proc. */
  keep(path: string, from: string): void {
    makePlace(path, () => {
      using socket = this.socketIn(from);
      socket.run(setUp('lo', LOOPBACK_INDEX));
      mount(from, path, null, MS.BIND);
    });
  }

  /** @throws as openNamespace */
  open(path: string): number {
    return openNamespace(path, this.#fd);
  }

  /** Opens a socket of the namespace at `path`. */
  socketIn(path: string): NetlinkSocket {
    return this.within(path, () => new NetlinkSocket(NETLINK_ROUTE));
  }

  /** Does something in the namespace at `path`. */
  within<T>(path: string, work: () => T): T {
    const target = this.open(path);
    try {
      setns(target, CLONE_NEWNET);
      try {
        return work();
      } finally {
        setns(this.#fd, CLONE_NEWNET);
      }
    } finally {
      closeSync(target);
    }
  }
}

function makePlace(path: string, fill: () => void): void {
  mkdirSync(dirname(path), { recursive: true });
  dropNamespace(path);
  writeFileSync(path, '', { flag: 'wx' });
  try {
    fill();
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** Lets go of a namespace; the kernel removes it, and its links, when nothing else holds it. Idempotent. */
export function dropNamespace(path: string): void {
  unmountIfMounted(path);
  rmSync(path, { force: true });
}

/**
 * From now on the namespace lives as long as the processes in it, and `path` leads to it by one of them: one mount less that
 * each new mount namespace of the host would copy.
 */
export function entrustNamespace(path: string, pid: number): void {
  dropNamespace(path);
  symlinkSync(`/proc/${pid}/ns/net`, path);
}
