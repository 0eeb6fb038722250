import { readFileSync } from 'node:fs';

// Lines of /proc/PID/net/tcp (proc_pid_net(5)): ` 0: 0100007F:1F90 00000000:0000 0A ...`, all in hexadecimal digits.
const listening = '0A';
/** ESTABLISHED, SYN_RECV and CLOSE_WAIT: the process may still have something to say. */
const open = new Set(['01', '03', '08']);

/** How many connections others have to the ports on which a process's network namespace listens. */
export function countInbound(tables: readonly string[]): number {
  const sockets = tables.flatMap((table) => table.split('\n').slice(1)).flatMap(socketOf);
  const ports = new Set(sockets.filter((one) => one.state === listening).map((one) => one.port));
  return sockets.filter((one) => open.has(one.state) && ports.has(one.port)).length;
}

function socketOf(line: string): { port: string; state: string }[] {
  const [, local = '', , state = ''] = line.trim().split(/\s+/);
  const [, port] = local.split(':');
  return port === undefined ? [] : [{ port, state }];
}

/** As `countInbound`; 0 for a process that has gone. */
export function inboundConnections(pid: number): number {
  return countInbound(['tcp', 'tcp6'].map((name) => readOr(`/proc/${pid}/net/${name}`)));
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended, or the kernel has no IPv6.
    return '';
  }
}
