import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';

const headerLength = 8;
const stderrFrame = 2;

/** This program's streams joined to those of a container. */
export interface JoinedStreams {
  /** Resolves when the container's output is complete. */
  done: Promise<unknown>;
  /** Gives the terminal back. Idempotent. */
  release: () => void;
}

/** @param tty the container has a terminal: its output comes as it is; else in Docker's frames (stdout, stderr) */
export function connectStreams(socket: Duplex, tty: boolean): JoinedStreams {
  const { stdin, stdout } = process;
  if (tty) {
    makeRaw();
    socket.on('data', (chunk: Buffer) => stdout.write(chunk));
  } else readFrames(socket);
  stdin.pipe(socket);
  return {
    done: once(socket, 'end'),
    release: () => {
      stdin.unpipe(socket);
      if (tty) stdin.setRawMode(false);
      // An open stdin would keep this program alive.
      stdin.destroy();
      socket.destroy();
    },
  };
}

/**
 * Node's raw mode leaves the terminal to put a carriage return before each line feed, which the container's terminal
 * has done already. stty is of coreutils; the end of raw mode puts all back.
 */
function makeRaw(): void {
  process.stdin.setRawMode(true);
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** Frames of the Engine API's "Stream format": one byte for the stream, three of nothing, four for the length. */
function readFrames(socket: Duplex): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= headerLength) {
      const end = headerLength + rest.readUInt32BE(4);
      if (rest.length < end) return;
      const target = rest[0] === stderrFrame ? process.stderr : process.stdout;
      target.write(rest.subarray(headerLength, end));
      rest = rest.subarray(end);
    }
  });
}
