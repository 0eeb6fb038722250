import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricValue, samplesOf } from './exposition.ts';

const text = `# HELP jobs_waiting Jobs that wait.
# TYPE jobs_waiting gauge
jobs_waiting{queue="mail",path="C:\\\\x \\"q\\"\\n",} 3 1395066363000
jobs_waiting{queue="print"}\t4.5e0
jobs_waiting_total 7
broken{ 1
up 1
`;

test('samples are read with their labels, and no other metric disturbs', () => {
  assert.deepEqual(samplesOf(text, 'jobs_waiting'), [
    { name: 'jobs_waiting', labels: { queue: 'mail', path: 'C:\\x "q"\n' }, value: 3 },
    { name: 'jobs_waiting', labels: { queue: 'print' }, value: 4.5 },
  ]);
});

test('series with the labels that are wanted are added up', () => {
  assert.equal(metricValue(text, { name: 'jobs_waiting', labels: {} }), 7.5);
  assert.equal(metricValue(text, { name: 'jobs_waiting', labels: { queue: 'print' } }), 4.5);
  assert.equal(metricValue(text, { name: 'jobs_waiting', labels: { queue: 'fax' } }), undefined);
  assert.equal(metricValue(text, { name: 'jobs', labels: {} }), undefined);
  assert.equal(metricValue('a NaN', { name: 'a', labels: {} }), undefined);
  assert.equal(metricValue('a{b="c"} +Inf\r', { name: 'a', labels: {} }), undefined);
});

test('what is not in the format is refused with its line', () => {
  for (const bad of ['up', 'up one', 'up{a=b} 1', 'up{a="b" c="d"} 1', 'up{a="b"', 'up 1 2 3', 'up 0x10'])
    assert.throws(
      () => samplesOf(`x 1\n${bad}`, 'up'),
      { code: 'metric-text-invalid', message: /^line 2 / },
      bad,
    );
});
