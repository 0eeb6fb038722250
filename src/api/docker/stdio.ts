import { Transform, type Duplex, type Readable, type Writable } from 'node:stream';
import { compareVersions } from '#api/versions.ts';
import { DetachFilter } from '#api/docker/detach-keys.ts';

// Docker's streams: raw for a terminal, else frames of an 8-byte header (stream number, three zeros, length
// as 32 bits big-endian) and that many bytes (Docker Engine API, ContainerAttach, "Stream format").

export type StreamName = 'stdout' | 'stderr';

const numbers = { stdout: 1, stderr: 2 } as const;

export function frame(stream: StreamName, data: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = numbers[stream];
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

export function streamType(tty: boolean, apiVersion: string): string {
  return !tty && compareVersions(apiVersion, '1.42') >= 0
    ? 'application/vnd.docker.multiplexed-stream'
    : 'application/vnd.docker.raw-stream';
}

function framing(stream: StreamName, raw: boolean): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, raw ? chunk : frame(stream, chunk));
    },
  });
}

export interface ProcessStreams {
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  close(): void;
}

export interface PumpOptions {
  /** The process has a terminal: the detach keys are looked for. */
  tty: boolean;
  /** Bytes as the process wrote them, without frames. */
  raw: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** The end of the client's input ends the process's input; otherwise it detaches the client. */
  closeStdin: boolean;
  detachKeys: Buffer;
  /** Besides the output, what must have happened before the client is told the end. */
  complete?: Promise<unknown>;
}

/**
 * Joins a client with a process until the output is complete, the client has detached or is gone. The client's
 * stream is left open for the caller, the process's streams are let go. Gives whether the client used the detach keys.
 */
export async function pump(client: Duplex, process: ProcessStreams, options: PumpOptions): Promise<boolean> {
  const { promise: left, resolve } = Promise.withResolvers<boolean>();
  const leave = (): void => resolve(false);
  if (client.destroyed) leave();
  client.once('close', leave);
  const outputs = [
    copy(process.stdout, 'stdout', client, options.stdout, options.raw),
    copy(process.stderr, 'stderr', client, options.stderr, options.raw),
  ];
  if (options.stdin) takeInput(client, process, options, resolve);
  else client.resume();
  try {
    return await Promise.race([Promise.all([...outputs, options.complete]).then(() => false), left]);
  } finally {
    client.off('close', leave);
    process.stdout.unpipe();
    process.stderr.unpipe();
    process.close();
  }
}

function copy(
  from: Readable,
  name: StreamName,
  client: Duplex,
  wanted: boolean,
  raw: boolean,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!wanted) {
    from.resume();
    from.once('close', resolve).once('end', resolve);
    return promise;
  }
  const framed = framing(name, raw);
  framed.once('end', resolve);
  from.once('error', resolve);
  from.pipe(framed).pipe(client, { end: false });
  return promise;
}

function takeInput(
  client: Duplex,
  process: ProcessStreams,
  options: PumpOptions,
  leave: (byKeys: boolean) => void,
): void {
  process.stdin.on('error', () => client.unpipe());
  const input = options.tty ? client.pipe(new DetachFilter(options.detachKeys, () => leave(true))) : client;
  input.pipe(process.stdin, { end: false });
  const ended = (): void => {
    if (options.closeStdin && !options.tty) process.stdin.end();
    else leave(false);
  };
  // A client may have ended its input before there was a process to take it.
  if (input.readableEnded) ended();
  else input.once('end', ended);
}
