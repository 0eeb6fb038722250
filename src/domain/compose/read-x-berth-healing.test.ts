import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '#domain/app/model.ts';
import { readProject } from '../../../test/support/compose.ts';

function read(extension: string): { service: Service | undefined; problems: string[] } {
  const text = `services:\n  web:\n    image: busybox\n    x-berth:\n${extension.replace(/^/gm, '      ')}\n`;
  const { model, problems } = readProject({ 'compose.yaml': text });
  return {
    service: model?.services['web'],
    problems: problems.map(({ at, message }) => `${at.line}: ${message}`),
  };
}

test('probes are read with the defaults of Kubernetes', () => {
  const { service, problems } = read(`probes:
  startup: { exec: test -e /ready, failure_threshold: 30, period: 500ms }
  readiness: { http: { port: 80, path: /up, headers: { Host: shop.test } }, success_threshold: 2 }
  liveness: { grpc: { port: 90 }, initial_delay: 1m, timeout: 2 }`);
  assert.deepEqual(problems, []);
  const usual = { initialDelay: 0, period: 10_000, timeout: 1000, successThreshold: 1, failureThreshold: 3 };
  assert.deepEqual(service?.probes, {
    startup: {
      ...usual,
      action: { kind: 'exec', command: ['/bin/sh', '-c', 'test -e /ready'] },
      period: 500,
      failureThreshold: 30,
    },
    readiness: {
      ...usual,
      action: { kind: 'http', port: 80, path: '/up', scheme: 'http', headers: [['Host', 'shop.test']] },
      successThreshold: 2,
    },
    liveness: {
      ...usual,
      action: { kind: 'grpc', port: 90, service: '' },
      initialDelay: 60_000,
      timeout: 2000,
    },
  });
});

test('a probe with no action, with two, or with a threshold that Kubernetes refuses is an error at its line', () => {
  const { problems } = read(`probes:
  startup: { period: 1s }
  readiness:
    tcp: { port: 80 }
    exec: "true"
  liveness:
    tcp: { port: 80 }
    success_threshold: 2`);
  assert.deepEqual(problems, [
    '6: found none, required is one of exec, http, tcp and grpc',
    '8: found exec and tcp, required is one of exec, http, tcp and grpc',
    '12: found 2, required is 1 for liveness',
  ]);
  assert.match(read('probes: { readiness: { tcp: { prot: 80 } } }').problems.join(), /5: .*prot/);
});

test('a schedule is read with its defaults', () => {
  const { service, problems } = read('schedule: { cron: "@daily" }');
  assert.deepEqual(problems, []);
  assert.deepEqual(service?.schedule, {
    cron: '@daily',
    timezone: 'UTC',
    concurrency: 'forbid',
    retries: 0,
    backoff: 10,
    history: { succeeded: 3, failed: 3 },
    missed: 'run-once',
  });
});

test('a time that never comes, a wrong expression and an unknown zone are errors at their line', () => {
  const cron = (line: string): string => read(`schedule:\n  cron: "0 3 * * *"\n  ${line}`).problems.join();
  assert.match(cron('timezone: Mars/Olympus'), /^7: found 'Mars\/Olympus', required is a time zone/);
  assert.match(
    read('schedule: { cron: "0 0 31 2 *" }').problems.join(),
    /^5: found '0 0 31 2 \*'.*ever comes$/,
  );
  assert.match(
    read('schedule: { cron: "99 * * * *" }').problems.join(),
    /^5: found '99 \* \* \* \*', required is/,
  );
  assert.match(cron('retires: 3'), /^7: the key 'retires' is unknown/);
});
