import { finished } from 'node:stream/promises';
import { formatDuration } from '#domain/units/duration.ts';
import type { Container, ProbeResult } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { Execs } from '#engine/containers/execs.ts';
import { messageOf } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';

const keptOutput = 4096;
const SIGKILL = 9;

/** Probes by a process in the container. */
export class ExecProbe {
  readonly #clock: ContainerParts['clock'];
  readonly #execs: Execs;

  constructor({ clock }: Pick<ContainerParts, 'clock'>, execs: Execs) {
    this.#clock = clock;
    this.#execs = execs;
  }

  /** Exit code -1 for a probe that was killed after `timeout` milliseconds, or could not be run. */
  async run(
    container: Container,
    { command, timeout }: { command: string[]; timeout: number },
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const clock = this.#clock;
    const start = clock.timestamp();
    const ended = (exitCode: number, output: string): ProbeResult => ({
      Start: start,
      End: clock.timestamp(),
      ExitCode: exitCode,
      Output: output,
    });
    try {
      const process = await this.#execs.run(container, { Cmd: command }, { tty: false, stdin: false });
      const output = collect(process);
      const exitCode = await this.#within(process, timeout, signal);
      if (exitCode === undefined) return ended(-1, tooLate(timeout, output.text()));
      await output.complete;
      return ended(exitCode, output.text());
    } catch (error) {
      return ended(-1, messageOf(error));
    }
  }

  /** The exit code; undefined when the time was up. Nothing of the probe is left either way. */
  async #within(process: ExecProcess, timeout: number, signal: AbortSignal): Promise<number | undefined> {
    const timer = new AbortController();
    // The clock rejects when the probe came first or its container ends: then nobody looks at this any more.
    const timeUp = this.#clock
      .sleep(timeout, AbortSignal.any([timer.signal, signal]))
      .then(() => undefined)
      .catch(() => undefined);
    try {
      const first = await Promise.race([process.exit, timeUp]);
      if (first === undefined) process.signal(SIGKILL);
      return first?.exitCode;
    } finally {
      timer.abort();
      process.close();
    }
  }
}

/** In Docker's words. */
function tooLate(timeout: number, output: string): string {
  const said = `Health check exceeded timeout (${formatDuration(timeout * 1_000_000)})`;
  return output === '' ? said : `${said}: ${output}`;
}

interface Collected {
  text: () => string;
  /** Resolves when there is no more to come. */
  complete: Promise<unknown>;
}

/** Reads all output, so that the probe never blocks, and keeps the beginning. */
function collect(process: ExecProcess): Collected {
  const chunks: Buffer[] = [];
  let size = 0;
  const keep = (chunk: Buffer): void => {
    if (size < keptOutput) chunks.push(chunk.subarray(0, keptOutput - size));
    size += chunk.length;
  };
  const streams = [process.stdout, process.stderr];
  for (const stream of streams) stream.on('data', keep);
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    complete: Promise.allSettled(streams.map((stream) => finished(stream, { writable: false }))),
  };
}
