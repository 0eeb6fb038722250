import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withReports } from './table.ts';

const page = `before
<!-- written by npm run test:clients: begin -->
old
<!-- written by npm run test:clients: end -->
after
`;

test('the table replaces what stands between its markers, and nothing else', () => {
  const outcomes = [
    { check: 'run' },
    { check: 'search', error: 'refused', limit: 'no index' },
    { check: 'push', error: 'a | b\nc' },
    { check: 'trust', limit: 'no server' },
  ];
  const written = withReports(page, [{ client: 'docker', version: '1', outcomes }]);
  assert.ok(written.startsWith('before\n') && written.endsWith('-->\nafter\n'));
  assert.ok(!written.includes('old'));
  assert.match(
    written,
    /^\| docker \| 1 \| 4 \| 2 \| search: no index; push: \*\*a \\\| b c\*\*; trust: \*\*works, and should not\*\* \|$/m,
  );
  assert.match(written, /^- \*\*docker\*\*: run; search; push; trust\.$/m);
  assert.equal(withReports(written, [{ client: 'docker', version: '1', outcomes }]), written);
});

test('what several versions of a client were asked is told once', () => {
  const report = (version: string, ...names: string[]) => ({
    client: 'docker',
    version,
    outcomes: names.map((check) => ({ check })),
  });
  const written = withReports(page, [report('1', 'run', 'trust'), report('2', 'run', 'images')]);
  assert.match(written, /^\| docker \| 2 \| 2 \| 2 \| nothing \|$/m);
  assert.equal(written.match(/^- .*$/gm)?.join(), '- **docker**: run; trust; images.');
});

test('a page without markers is refused', () => {
  assert.throws(() => withReports('nothing', []), /lacks '<!-- written by/);
});
