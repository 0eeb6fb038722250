// Loaded into every process of npm test: one whose tests are done but which cannot end, since a test left a socket, a
// watch or a timer open, fails with what it waits for. Without it the whole run would wait for it for ever. The time begins
// before the hooks of the file itself, which may wait for two minutes until the kernel has taken links back (test/support/leaks.ts).
import { after } from 'node:test';

const GRACE_MS = 240_000;

after(() => {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout');
    console.error(`the tests are done, but the process cannot end: a test left open ${open.join(', ')}`);
    process.exit(1);
  }, GRACE_MS).unref();
});
