import type { Service } from '#domain/app/model.ts';
import { cronFault, type Schedule } from '#domain/app/schedule.ts';
import type { ExtensionKey } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

const count = { type: 'integer', minimum: 0 };
const duration = { type: ['string', 'number'] };

/** `x-berth.schedule` of a service: it runs at times instead of all the time. */
export const scheduleKey: ExtensionKey<Service> = {
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['cron'],
    properties: {
      cron: { type: 'string' },
      timezone: { type: 'string' },
      concurrency: { enum: ['allow', 'forbid', 'replace'] },
      deadline: duration,
      retries: count,
      backoff: duration,
      history: {
        type: 'object',
        additionalProperties: false,
        properties: { succeeded: count, failed: count },
      },
      missed: { enum: ['run-once', 'skip'] },
    },
  },
  read: (value) => ({ schedule: readSchedule(value) }),
};

function readSchedule(value: Reader): Schedule {
  const cron = value.at('cron').text() ?? '';
  const timezone = value.at('timezone').text() ?? 'UTC';
  const history = value.at('history');
  checkCron(value, cron, timezone);
  return compact<Schedule>({
    cron,
    timezone,
    concurrency: value.at('concurrency').oneOf(['allow', 'forbid', 'replace'] as const) ?? 'forbid',
    deadline: value.at('deadline').seconds(),
    retries: value.at('retries').integer() ?? 0,
    backoff: value.at('backoff').seconds() ?? 10,
    history: {
      succeeded: history.at('succeeded').integer() ?? 3,
      failed: history.at('failed').integer() ?? 3,
    },
    missed: value.at('missed').oneOf(['run-once', 'skip'] as const) ?? 'run-once',
  });
}

/** Complains about `cron` and `timezone` of a mapping. */
export function checkCron(value: Reader, cron: string, timezone: string): void {
  const zoneFault = cronFault('@daily', timezone);
  if (zoneFault !== undefined) {
    value
      .at('timezone')
      .complain(
        'compose-invalid-value',
        `found '${timezone}', required is a time zone such as Europe/Berlin`,
      );
    return;
  }
  const fault = cronFault(cron, timezone);
  if (fault === undefined) return;
  value
    .at('cron')
    .complain(
      'compose-invalid-value',
      `found '${cron}', required is a cron expression of five fields such as '30 3 * * *', or a name such as @daily: ${fault}`,
    );
}
