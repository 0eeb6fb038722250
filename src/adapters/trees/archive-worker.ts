import { serveJobs } from '#adapters/files/worker-jobs.ts';
import { extractFiles } from './extract.ts';
import { tellContents } from './contents.ts';
import { batchOfEntries } from './entry-batch.ts';
import { itemsOf } from './extraction-batch.ts';
import { Receiving } from './receive.ts';
import type { TreesJob, TreesResult } from './tree-worker-jobs.ts';

// Runs in a worker thread: contexts of many files would hold the daemon's loop.

serveJobs<TreesJob, TreesResult>((job) => {
  if (job.do === 'extract') {
    extractFiles(job.archive, itemsOf(job.batch));
    return { result: undefined };
  }
  if (job.do === 'tell')
    return { result: { of: 'told', told: tellContents(job.paths.split('\0')).join('\0') } };
  const receiving = new Receiving(job.archive);
  return {
    running: {
      chunk: (bytes) => receiving.push(bytes),
      complete: () => {
        const entries = receiving.end();
        return { of: 'entries', batch: entries && batchOfEntries(entries) };
      },
      cancel: () => receiving.close(),
    },
  };
});
