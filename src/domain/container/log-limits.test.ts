import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import {
  bufferBytes,
  checkLogConfig,
  isReadable,
  logLimits,
  logWarnings,
  monitorFileBytes,
} from './log-limits.ts';

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
    assert.throws(() => of({ 'max-size': 'big' }), /invalid size: 'big'/);
    assert.throws(() => of({ 'max-file': '0' }), /max-file cannot be less than 1: '0'/);
    assert.throws(() => checkLogConfig({ Type: 'odd' }), /plugin "odd" not found/);
    assert.throws(() => checkLogConfig({ Type: 'fluentd' }), /'fluentd' is not supported: use syslog/);
    assert.throws(
      () => checkLogConfig({ Type: 'local', Config: { tag: 'x' } }),
      /unknown log opt 'tag' for local/,
    );
    assert.throws(() => checkLogConfig({ Config: { 'env-regex': '(' } }), /no regular expression/);
    assert.throws(() => checkLogConfig({ Config: { mode: 'odd' } }), /logging mode not supported: odd/);
    assert.throws(() => checkLogConfig({ Config: { 'max-siez': '1' } }), /unknown log opt 'max-siez'/);
    assert.doesNotThrow(() =>
      checkLogConfig({ Type: 'local', Config: { 'max-size': '1m', compress: 'true' } }),
    );
  });

  it('of drivers that send away are of the copy that docker logs reads', () => {
    const config = (Config: Record<string, string>, Type = 'syslog') => ({ Type, Config });
    assert.deepEqual(logLimits(config({ 'cache-max-size': '1m', 'cache-max-file': '2' })), {
      maxBytes: 1024 * 1024,
      maxFiles: 2,
    });
    assert.throws(
      () => checkLogConfig(config({ 'max-size': '1m' })),
      /unknown log opt 'max-size' for syslog/,
    );
    assert.throws(() => checkLogConfig(config({ 'syslog-format': 'x' })), /Invalid syslog format/);
    assert.throws(
      () => checkLogConfig(config({ 'syslog-format': 'rfc5424' }, 'journald')),
      /unknown log opt/,
    );
    assert.doesNotThrow(() => checkLogConfig(config({ tag: '{{.Name}}', labels: 'a' }, 'journald')));
    assert.equal(isReadable(config({})), true);
    assert.equal(isReadable(config({ 'cache-disabled': 'true' })), false);
  });

  it('of a buffer are of the mode that has one', () => {
    assert.throws(() => checkLogConfig({ Config: { 'max-buffer-size': '1m' } }), /only supported with/);
    const config = (size: string) => ({
      Type: 'syslog',
      Config: { mode: 'non-blocking', 'max-buffer-size': size },
    });
    assert.throws(() => checkLogConfig(config('big')), /error parsing option max-buffer-size/);
    assert.equal(bufferBytes(config('2k')), 2048);
    assert.equal(bufferBytes({ Type: 'syslog', Config: { mode: 'non-blocking' } }), 1024 * 1024);
    assert.equal(bufferBytes({ Type: 'syslog' }), undefined);
    assert.deepEqual(logWarnings(config('2k')), []);
  });

  it('are said when they have no effect', () => {
    assert.equal(logWarnings({ Config: { compress: 'true', mode: 'non-blocking' } }).length, 2);
    assert.deepEqual(logWarnings({ Config: { compress: 'false', mode: 'blocking' } }), []);
  });

  it('let the monitor begin files by itself far above the size at which it is told, and keep what they promise', () => {
    assert.equal(monitorFileBytes(undefined), 256 * 1024 ** 2);
    assert.equal(monitorFileBytes({ Config: { 'max-size': '10k', 'max-file': '2' } }), 256 * 1024 ** 2);
    assert.equal(monitorFileBytes({ Config: { 'max-size': '1g', 'max-file': '3' } }), 3 * 1024 ** 3);
  });
});
