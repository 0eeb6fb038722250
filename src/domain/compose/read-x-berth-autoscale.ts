import type { Service } from '#domain/app/model.ts';
import {
  standardDown,
  standardTolerance,
  standardUp,
  type Autoscale,
  type MetricTarget,
  type ScalingPolicy,
  type ScalingRules,
  type ScheduledMinimum,
  type UsageTarget,
} from '#domain/autoscale/model.ts';
import { parseBytes } from '#domain/units/bytes.ts';
import type { ExtensionKey } from './read-x-berth.ts';
import { checkCron } from './read-x-berth-schedule.ts';
import { compact, type Reader } from './reader.ts';

const count = { type: 'integer', minimum: 1 };
const positive = { type: 'number', exclusiveMinimum: 0 };
const duration = { type: ['string', 'number'] };
const amount = { type: ['string', 'number'] };
const rules = {
  type: 'object',
  additionalProperties: false,
  properties: {
    window: duration,
    policies: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['period'],
        properties: { percent: count, pods: count, period: duration },
      },
    },
  },
};
const metric = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'port', 'target'],
  properties: {
    name: { type: 'string', pattern: '^[a-zA-Z_:][a-zA-Z0-9_:]*$' },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    path: { type: 'string', pattern: '^/' },
    labels: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    target: {
      type: 'object',
      additionalProperties: false,
      properties: { average: positive, value: positive },
      minProperties: 1,
      maxProperties: 1,
    },
  },
};
const schedule = {
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['cron', 'min', 'for'],
    properties: { cron: { type: 'string' }, timezone: { type: 'string' }, min: count, for: duration },
  },
};

/** `x-berth.autoscale` of a service: how many replicas it has follows from what it does. */
export const autoscaleKey: ExtensionKey<Service> = {
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['max'],
    properties: {
      min: count,
      max: count,
      cpu: amount,
      memory: amount,
      requests_per_second: positive,
      in_flight: positive,
      metric,
      tolerance: amount,
      up: rules,
      down: rules,
      schedule,
    },
  },
  read: (value) => {
    const autoscale = readAutoscale(value);
    checkTogether(value, autoscale);
    return { autoscale };
  },
};

/** What the rest of the service says must go together with it. */
export function checkAutoscale(service: Service, at: Reader): void {
  const { autoscale, containerName, schedule: times, deploy, ingress = [] } = service;
  if (autoscale === undefined) return;
  const value = at.at('x-berth').at('autoscale');
  const contradict = (key: string, words: string): void =>
    value.at(key).complain('compose-contradiction', words);
  if (times !== undefined)
    value.complain('compose-contradiction', 'a service with a schedule runs no replicas');
  if (containerName !== undefined && autoscale.max > 1)
    contradict('max', `the container_name '${containerName}' names one replica only`);
  if (deploy?.mode.startsWith('global') === true) contradict('max', 'a global service has one replica');
  const most = deploy?.placement?.maxReplicasPerNode ?? 0;
  if (most > 0 && autoscale.max > most)
    contradict('max', `it is ${autoscale.max}, but deploy.placement.max_replicas_per_node is ${most}`);
  for (const key of ['requests_per_second', 'in_flight'])
    if (value.at(key).present && ingress.length === 0)
      contradict(key, 'it is measured where requests come in, but the service has no x-berth.ingress');
}

function readAutoscale(value: Reader): Autoscale {
  return compact<Autoscale>({
    min: value.at('min').integer() ?? 1,
    max: value.at('max').integer() ?? 1,
    cpu: readUsage(value.at('cpu'), 'a share such as 70%, or a number of cores', Number),
    memory: readUsage(value.at('memory'), 'a share such as 80%, or a size such as 512m', parseBytes),
    requestsPerSecond: value.at('requests_per_second').number(),
    inFlight: value.at('in_flight').number(),
    metric: readMetric(value.at('metric')),
    tolerance: readShare(value.at('tolerance')) ?? standardTolerance,
    up: readRules(value.at('up'), standardUp),
    down: readRules(value.at('down'), standardDown),
    schedule: value.at('schedule').items().map(readMinimum),
  });
}

function checkTogether(value: Reader, autoscale: Autoscale): void {
  const { min, max, cpu, memory, requestsPerSecond, inFlight, metric: own, schedule: times } = autoscale;
  if (min > max) value.at('min').complain('compose-contradiction', `min is ${min}, but max is only ${max}`);
  const minimums = value.at('schedule').items();
  times.forEach((one, index) => {
    if (one.min <= max) return;
    const message = `the scheduled minimum is ${one.min}, but max is only ${max}`;
    minimums[index]?.at('min').complain('compose-contradiction', message);
  });
  const known = [cpu, memory, requestsPerSecond, inFlight, own];
  if (known.every((one) => one === undefined) && times.length === 0)
    value.complain(
      'compose-missing-key',
      "it names nothing to scale by: required is one of 'cpu', 'memory', 'requests_per_second', 'in_flight', 'metric' and 'schedule'",
    );
}

function readUsage(
  value: Reader,
  required: string,
  parse: (text: string) => number | undefined,
): UsageTarget | undefined {
  const text = value.text();
  if (text === undefined) return undefined;
  const share = shareOf(text);
  if (share !== undefined && share > 0) return { share };
  const found = parse(text);
  if (share === undefined && found !== undefined && found > 0) return { amount: found };
  value.complain('compose-invalid-value', `found '${text}', required is ${required}`);
  return undefined;
}

function readShare(value: Reader): number | undefined {
  const text = value.text();
  if (text === undefined) return undefined;
  const share = shareOf(text);
  if (share !== undefined && share < 1) return share;
  value.complain('compose-invalid-value', `found '${text}', required is a share from 0% to below 100%`);
  return undefined;
}

function shareOf(text: string): number | undefined {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}

function readMetric(value: Reader): MetricTarget | undefined {
  if (!value.present) return undefined;
  const average = value.at('target').at('average').number();
  return {
    name: value.at('name').text() ?? '',
    port: value.at('port').integer() ?? 0,
    path: value.at('path').text() ?? '/metrics',
    labels: value.at('labels').record(),
    kind: average === undefined ? 'value' : 'average',
    target: average ?? value.at('target').at('value').number() ?? 1,
  };
}

function readRules(value: Reader, standard: ScalingRules): ScalingRules {
  const policies = value.at('policies');
  return {
    window: value.at('window').seconds() ?? standard.window,
    policies: policies.present ? policies.items().flatMap((one) => readPolicy(one) ?? []) : standard.policies,
  };
}

function readPolicy(value: Reader): ScalingPolicy | undefined {
  const [percent, pods] = [value.at('percent').integer(), value.at('pods').integer()];
  const period = value.at('period').seconds();
  if (period === undefined) return undefined;
  if (percent !== undefined && pods === undefined) return { kind: 'percent', value: percent, period };
  if (pods !== undefined && percent === undefined) return { kind: 'pods', value: pods, period };
  value.complain('compose-invalid-value', "required is either 'percent' or 'pods'");
  return undefined;
}

function readMinimum(value: Reader): ScheduledMinimum {
  const cron = value.at('cron').text() ?? '';
  const timezone = value.at('timezone').text() ?? 'UTC';
  checkCron(value, cron, timezone);
  return {
    cron,
    timezone,
    min: value.at('min').integer() ?? 1,
    for: value.at('for').seconds() ?? 0,
  };
}
