import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { checkLogConfig, logLimits, logWarnings } from './log-limits.ts';

const of = (Config: Record<string, string>) => logLimits({ Config });

describe('limits of a log', () => {
  it('are there although nobody asked for them', () => {
    assert.deepEqual(logLimits(undefined), { maxBytes: 20 * 1024 * 1024, maxFiles: 5 });
  });

  it("are read as Docker's", () => {
    assert.deepEqual(of({ 'max-size': '10m', 'max-file': '3' }), { maxBytes: 10 * 1024 * 1024, maxFiles: 3 });
    assert.deepEqual(of({ 'max-size': '1.5k' }), { maxBytes: 1536, maxFiles: 1 });
  });

  it('are refused when they make no sense', () => {
    assert.throws(() => of({ 'max-size': 'big' }), /invalid max-size: 'big'/);
    assert.throws(() => of({ 'max-file': '0' }), /invalid max-file: '0'/);
    assert.throws(() => checkLogConfig({ Type: 'odd' }), /no log driver named 'odd'/);
    assert.throws(() => checkLogConfig({ Type: 'journald' }), /'journald' is not supported: use json-file/);
    assert.throws(
      () => checkLogConfig({ Type: 'local', Config: { tag: 'x' } }),
      /unknown log opt 'tag' for local/,
    );
    assert.throws(() => checkLogConfig({ Config: { 'env-regex': '(' } }), /no regular expression/);
    assert.throws(() => checkLogConfig({ Config: { mode: 'odd' } }), /invalid logging mode/);
    assert.throws(() => checkLogConfig({ Config: { 'max-siez': '1' } }), /unknown log opt 'max-siez'/);
    assert.doesNotThrow(() =>
      checkLogConfig({ Type: 'local', Config: { 'max-size': '1m', compress: 'true' } }),
    );
  });

  it('are said when they have no effect', () => {
    assert.equal(logWarnings({ Config: { compress: 'true', mode: 'non-blocking' } }).length, 2);
    assert.deepEqual(logWarnings({ Config: { compress: 'false', mode: 'blocking' } }), []);
  });
});
