import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProbeResult } from './container.ts';
import { activeRoles, afterResult, firstLookIn, mayServe, mustGo } from './probe.ts';
import type { Probe, ProbeState, Probes } from './probe.ts';
import { healthOf, probed } from './probe-health.ts';
import { newState } from './state.ts';

const probe = (given: Partial<Probe> = {}): Probe => ({
  action: { kind: 'tcp', port: 80 },
  initialDelay: 0,
  period: 10_000,
  timeout: 1000,
  successThreshold: 1,
  failureThreshold: 3,
  ...given,
});

function after(one: Probe, results: string): ProbeState | undefined {
  let state: ProbeState | undefined;
  for (const letter of results) state = afterResult(one, state, letter === '+');
  return state;
}

test('thresholds count results in a row', () => {
  const two = probe({ successThreshold: 2 });
  assert.equal(after(two, '+')?.passing, undefined);
  assert.equal(after(two, '+-+')?.passing, undefined);
  assert.equal(after(two, '-++')?.passing, true);
  assert.equal(after(two, '++--')?.passing, true);
  assert.equal(after(two, '++--+--')?.passing, true);
  assert.equal(after(two, '++---')?.passing, false);
  assert.equal(after(two, '++---+')?.passing, false);
  assert.equal(after(two, '++---++')?.passing, true);
});

test('a result that changes nothing gives the same state', () => {
  const passing = after(probe(), '+');
  assert.equal(afterResult(probe(), passing, true), passing);
  const failing = after(probe(), '---');
  assert.equal(afterResult(probe(), failing, false), failing);
});

test('the first look comes after the initial delay, counted from the start', () => {
  assert.equal(firstLookIn(probe({ initialDelay: 5000 }), 2000), 3000);
  assert.equal(firstLookIn(probe({ initialDelay: 5000 }), 9000), 0);
});

test('startup gates the other probes', () => {
  const all: Probes = { startup: probe(), readiness: probe(), liveness: probe() };
  assert.deepEqual(activeRoles(all, {}), ['startup']);
  assert.deepEqual(activeRoles(all, { startup: { streak: 1, passing: true } }), ['readiness', 'liveness']);
  assert.deepEqual(activeRoles(all, { startup: { streak: -3, passing: false } }), []);
  assert.deepEqual(activeRoles({ liveness: probe() }, {}), ['liveness']);
  assert.equal(mayServe(all, { readiness: { streak: 1, passing: true } }), false);
});

test('readiness decides about requests only, liveness and startup about the container', () => {
  const all: Probes = { readiness: probe(), liveness: probe() };
  const up = { streak: 1, passing: true };
  const down = { streak: -3, passing: false };
  assert.deepEqual([mayServe(all, {}), mustGo({}), healthOf(all, {})], [false, false, 'starting']);
  assert.equal(healthOf(all, { readiness: up }), 'healthy');
  const unready = { readiness: down, liveness: up };
  assert.deepEqual(
    [mayServe(all, unready), mustGo(unready), healthOf(all, unready)],
    [false, false, 'unhealthy'],
  );
  const dead = { readiness: up, liveness: down };
  assert.deepEqual([mayServe(all, dead), mustGo(dead), healthOf(all, dead)], [true, true, 'unhealthy']);
  assert.equal(mustGo({ startup: down }), true);
  assert.equal(mayServe({ liveness: probe() }, {}), true);
});

test('the health that Docker shows follows the probes and keeps the latest results', () => {
  const probes: Probes = { readiness: probe({ failureThreshold: 1 }) };
  const result = (ExitCode: number, Output: string): ProbeResult => ({
    Start: 's',
    End: 'e',
    ExitCode,
    Output,
  });
  let state = { ...newState(), ...probed(probes, newState(), 'readiness', result(0, '200 OK')) };
  assert.equal(state.health?.status, 'healthy');
  assert.equal(probed(probes, state, 'readiness', result(0, '200 OK')), undefined);
  for (let count = 1; count <= 7; count += 1)
    state = { ...state, ...probed(probes, state, 'readiness', result(1, `refused ${count}`)) };
  assert.equal(state.health?.status, 'unhealthy');
  assert.equal(state.health.failingStreak, 7);
  assert.deepEqual(
    state.health.log.map((one) => one.Output),
    [3, 4, 5, 6, 7].map((count) => `readiness: refused ${count}`),
  );
  assert.equal(probed(probes, state, 'liveness', result(1, '')), undefined);
});
