import { createHash } from 'node:crypto';
import { TarParser } from '#domain/archive/tar-parser.ts';
import { LayerLimit } from '#domain/image/layer-limit.ts';
import { LayerDecoder } from '#adapters/overlay/layer-decoder.ts';
import { LayerWriter } from '#adapters/overlay/layer-writer.ts';
import { runLast } from '#adapters/linux/priority.ts';
import { bytes as byteText } from '#adapters/files/byte-path.ts';
import { serveJobs, type Running } from '#adapters/files/worker-jobs.ts';
import { removeTree } from '#adapters/overlay/remove-tree.ts';
import type { TarRules, TreeJob, TreeResult, UnpackRules } from '#adapters/overlay/tree-jobs.ts';
import { upperChanges } from '#adapters/overlay/upper-changes.ts';
import { upperTar } from '#adapters/overlay/upper-tar.ts';
import { bytesBelow } from '#adapters/overlay/upper-tree.ts';

// Runs in a worker thread: everything that touches many files, with synchronous calls, which cost a
// tenth of what promises cost and never block the daemon's loop here.

function unpack(folder: string, { mappings, bound }: UnpackRules): Running<TreeResult> {
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

function tar(upper: string, rules: TarRules): Running<TreeResult> {
  const pieces = upperTar(byteText(upper), rules);
  let size = 0;
  return {
    pull(spent) {
      const next = pieces.next(spent);
      if (next.done !== true) return next.value;
      size = next.value;
      return undefined;
    },
    complete: () => ({ of: 'size', size }),
    cancel: () => void pieces.return(0),
  };
}

function atOnce(job: Exclude<TreeJob, { do: 'unpack' | 'tar' }>): TreeResult | undefined {
  switch (job.do) {
    case 'changes':
      return { of: 'changes', changes: upperChanges(byteText(job.upper), byteText(job.lower)) };
    case 'size':
      return { of: 'size', size: bytesBelow(byteText(job.folder)) };
    case 'remove':
      if (job.last) runLast();
      removeTree(byteText(job.folder), () => Atomics.load(job.stop, 0) === 1);
      return undefined;
  }
}

serveJobs<TreeJob, TreeResult>((job) => {
  if (job.do === 'unpack') return { running: unpack(job.folder, job) };
  if (job.do === 'tar') return { running: tar(job.upper, job) };
  return { result: atOnce(job) };
});
