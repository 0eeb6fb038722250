import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '#domain/app/model.ts';
import { standardDown, standardUp } from '#domain/autoscale/model.ts';
import { readProject } from '../../../test/support/compose.ts';

function read(extension: string, more = ''): { service: Service | undefined; problems: string[] } {
  const text = `services:\n  web:\n    image: busybox\n${more}    x-berth:\n${extension.replace(/^/gm, '      ')}\n`;
  const { model, problems } = readProject({ 'compose.yaml': text });
  return {
    service: model?.services['web'],
    problems: problems.map(({ at, message }) => `${at.line}: ${message}`),
  };
}

test('autoscaling is read with the defaults of Kubernetes', () => {
  const { service, problems } = read('autoscale: { max: 5, cpu: 70%, memory: 512m }');
  assert.deepEqual(problems, []);
  assert.deepEqual(service?.autoscale, {
    ...{ min: 1, max: 5, cpu: { share: 0.7 }, memory: { amount: 512 * 1024 * 1024 }, tolerance: 0.1 },
    ...{ up: standardUp, down: standardDown, schedule: [] },
  });
});

test('metrics, windows, policies and scheduled minimums are read', () => {
  const { service, problems } = read(`autoscale:
  min: 2
  max: 5
  metric: { name: jobs, port: 9100, target: { value: 20 }, labels: { queue: mail } }
  tolerance: 20%
  down: { window: 1m, policies: [{ pods: 1, period: 30s }, { percent: 10, period: 60 }] }
  schedule: [{ cron: 0 8 * * 1-5, timezone: Europe/Berlin, min: 4, for: 10h }]`);
  assert.deepEqual(problems, []);
  const { metric, tolerance, down, schedule } = service?.autoscale ?? {};
  assert.deepEqual(metric, {
    ...{ name: 'jobs', port: 9100, path: '/metrics', labels: { queue: 'mail' }, kind: 'value', target: 20 },
  });
  assert.equal(tolerance, 0.2);
  assert.deepEqual(down, {
    window: 60,
    policies: [
      { kind: 'pods', value: 1, period: 30 },
      { kind: 'percent', value: 10, period: 60 },
    ],
  });
  assert.deepEqual(schedule, [{ cron: '0 8 * * 1-5', timezone: 'Europe/Berlin', min: 4, for: 36_000 }]);
});

test('what contradicts itself is an error at its line', () => {
  const { problems } = read(
    `autoscale:
  min: 4
  max: 3
  cpu: much
  in_flight: 5
  tolerance: 100%
  up: { policies: [{ period: 5s }] }
  schedule: [{ cron: often, min: 9, for: 1h }]`,
    '    container_name: one\n',
  );
  const required =
    "required is a cron expression of five fields such as '30 3 * * *', or a name such as @daily";
  assert.deepEqual(problems.map((one) => one.replace(/(@daily): .*/, '$1')).toSorted(), [
    '10: it is measured where requests come in, but the service has no x-berth.ingress',
    "11: found '100%', required is a share from 0% to below 100%",
    "12: required is either 'percent' or 'pods'",
    `13: found 'often', ${required}`,
    '13: the scheduled minimum is 9, but max is only 3',
    '7: min is 4, but max is only 3',
    "8: the container_name 'one' names one replica only",
    "9: found 'much', required is a share such as 70%, or a number of cores",
  ]);
});

test('there must be something to scale by', () => {
  assert.match(read('autoscale: { max: 3 }').problems.join(), /^5: it names nothing to scale by/);
});
