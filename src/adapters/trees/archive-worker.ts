import { serveJobs } from '#adapters/files/worker-jobs.ts';
import { extractFiles } from './extract.ts';
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
  const receiving = new Receiving(job.archive);
  return {
    running: {
      chunk: (bytes) => receiving.push(bytes),
      complete: () => {
        const entries = receiving.end();
        return entries && batchOfEntries(entries);
      },
      cancel: () => receiving.close(),
    },
  };
});
