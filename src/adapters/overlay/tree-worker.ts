import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { concatBytes } from '#base/bytes.ts';
import { BerthError, internal, messageOf, systemCode } from '#base/errors.ts';
import { TarParser } from '#domain/archive/tar-parser.ts';
import { LayerLimit } from '#domain/image/layer-limit.ts';
import { LayerDecoder } from '#adapters/overlay/layer-decoder.ts';
import { LayerWriter } from '#adapters/overlay/layer-writer.ts';
import { bytes as byteText, raw } from '#adapters/files/byte-path.ts';
import type {
  CarriedError,
  FromWorker,
  TarRules,
  ToWorker,
  TreeJob,
  TreeResult,
  UnpackRules,
} from '#adapters/overlay/tree-jobs.ts';
import { upperChanges } from '#adapters/overlay/upper-changes.ts';
import { upperTar } from '#adapters/overlay/upper-tar.ts';
import { bytesBelow } from '#adapters/overlay/upper-tree.ts';

// Runs in a worker thread: everything that touches many files, with synchronous calls, which cost a
// tenth of what promises cost and never block the daemon's loop here.

/** A job in work: what it does with the messages that follow. Gives its result when it is done. */
interface Running {
  chunk?(bytes: Uint8Array): void;
  complete?(): TreeResult;
  pull?(): Uint8Array<ArrayBuffer> | undefined;
  cancel(): void;
}

const chunkSize = 256 * 1024;

function unpack(folder: string, { mappings, bound }: UnpackRules): Running {
  const writer = new LayerWriter(byteText(folder), mappings);
  const parser = new TarParser(writer);
  const hash = createHash('sha256');
  const limit = bound && new LayerLimit(bound);
  const decoder = new LayerDecoder((plain) => {
    limit?.take(plain.length);
    hash.update(plain);
    parser.push(plain);
  });
  return {
    chunk: (bytes) => decoder.push(bytes),
    complete() {
      decoder.end();
      parser.end();
      writer.finish();
      return { of: 'unpack', unpacked: { diffId: `sha256:${hash.digest('hex')}`, size: writer.size } };
    },
    cancel() {
      decoder.close();
      writer.close();
    },
  };
}

function tar(upper: string, rules: TarRules): Running {
  const pieces = upperTar(byteText(upper), rules);
  return {
    pull() {
      const gathered: Uint8Array[] = [];
      for (let size = 0; size < chunkSize;) {
        const next = pieces.next();
        if (next.done === true) break;
        gathered.push(next.value);
        size += next.value.length;
      }
      return gathered.length === 0 ? undefined : concatBytes(gathered);
    },
    cancel: () => void pieces.return(undefined),
  };
}

function atOnce(job: Exclude<TreeJob, { do: 'unpack' | 'tar' }>): TreeResult {
  switch (job.do) {
    case 'changes':
      return { of: 'changes', changes: upperChanges(byteText(job.upper), byteText(job.lower)) };
    case 'size':
      return { of: 'size', size: bytesBelow(byteText(job.folder)) };
    case 'remove':
      rmSync(raw(byteText(job.folder)), { recursive: true, force: true });
      return { of: 'nothing' };
  }
}

function carried(error: unknown): CarriedError {
  if (error instanceof BerthError)
    return { kind: error.kind, code: error.code, message: error.message, hint: error.hint };
  return { kind: undefined, code: systemCode(error) ?? '', message: messageOf(error), hint: undefined };
}

class TreeWorker {
  readonly #answer: (message: FromWorker) => void;
  #running: Running | undefined;

  constructor(answer: (message: FromWorker) => void) {
    this.#answer = answer;
  }

  receive(message: ToWorker): void {
    try {
      this.#act(message);
    } catch (error) {
      this.#running?.cancel();
      this.#running = undefined;
      this.#answer({ kind: 'failed', error: carried(error) });
    }
  }

  #act(message: ToWorker): void {
    if (message.kind === 'job') this.#start(message.job);
    // What is still on its way when a job has failed is dropped.
    else if (this.#running !== undefined) this.#goOn(this.#running, message);
  }

  #start(job: TreeJob): void {
    if (job.do === 'unpack') this.#running = unpack(job.folder, job);
    else if (job.do === 'tar') this.#running = tar(job.upper, job);
    else this.#answer({ kind: 'done', result: atOnce(job) });
  }

  #goOn(running: Running, message: Exclude<ToWorker, { kind: 'job' }>): void {
    switch (message.kind) {
      case 'chunk':
        running.chunk?.(message.bytes);
        this.#answer({ kind: 'taken', bytes: message.bytes });
        return;
      case 'complete':
        this.#finish(running.complete?.() ?? { of: 'nothing' });
        return;
      case 'pull': {
        const bytes = running.pull?.();
        if (bytes === undefined) this.#finish({ of: 'nothing' });
        else this.#answer({ kind: 'bytes', bytes });
        return;
      }
      case 'cancel':
        throw internal('layer-cancelled', 'the work on a layer was cancelled');
    }
  }

  #finish(result: TreeResult): void {
    this.#running = undefined;
    this.#answer({ kind: 'done', result });
  }
}

if (parentPort !== null) {
  const port = parentPort;
  const worker = new TreeWorker((message) =>
    port.postMessage(message, 'bytes' in message ? [message.bytes.buffer] : []),
  );
  port.on('message', (message: ToWorker) => worker.receive(message));
}
