import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { commandOf, mergeConfig } from './merge.ts';

const image = {
  Entrypoint: ['/entry'],
  Cmd: ['default'],
  Env: ['PATH=/bin', 'A=image'],
  Labels: { from: 'image', shared: 'image' },
  User: 'app',
  WorkingDir: '/srv',
  Healthcheck: { Test: ['CMD', 'probe'], Interval: 5_000_000_000, Retries: 2 },
  StopSignal: 'SIGINT',
};

describe('a create request merged with its image', () => {
  it('takes everything from the image that the request leaves out', () => {
    const merged = mergeConfig({}, image);
    assert.deepEqual(commandOf(merged), { path: '/entry', args: ['default'] });
    assert.equal(merged.User, 'app');
    assert.equal(merged.WorkingDir, '/srv');
    assert.equal(merged.StopSignal, 'SIGINT');
  });

  it("keeps the image's entrypoint and replaces its command", () => {
    assert.deepEqual(commandOf(mergeConfig({ Cmd: ['mine'] }, image)), { path: '/entry', args: ['mine'] });
  });

  it("drops the image's command when the request has an entrypoint", () => {
    assert.deepEqual(commandOf(mergeConfig({ Entrypoint: ['/other'] }, image)), { path: '/other', args: [] });
  });

  it('clears the entrypoint by an empty text', () => {
    assert.deepEqual(commandOf(mergeConfig({ Entrypoint: [''], Cmd: ['sh'] }, image)), {
      path: 'sh',
      args: [],
    });
  });

  it('has no command when neither side gives one', () => {
    assert.equal(commandOf(mergeConfig({}, {})), undefined);
  });

  it("lets the request's variables and labels win", () => {
    const merged = mergeConfig({ Env: ['A=mine'], Labels: { shared: 'mine' } }, image);
    assert.deepEqual(merged.Env, ['A=mine', 'PATH=/bin']);
    assert.deepEqual(merged.Labels, { from: 'image', shared: 'mine' });
  });

  it('fills single fields of a health check', () => {
    const merged = mergeConfig({ Healthcheck: { Retries: 9 } }, image);
    assert.deepEqual(merged.Healthcheck, { Test: ['CMD', 'probe'], Interval: 5_000_000_000, Retries: 9 });
  });
});
