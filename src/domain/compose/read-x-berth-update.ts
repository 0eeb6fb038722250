import type { AppModel, Service } from '#domain/app/model.ts';
import type { AppUpdate, ServiceUpdate } from '#domain/app/update.ts';
import type { ExtensionKey } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

const duration = { type: 'string', format: 'duration' };

/** `x-berth.update` of a service, beside compose's `deploy.update_config`. */
export const serviceUpdateKey: ExtensionKey<Service> = {
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      strategy: { enum: ['rolling', 'blue-green'] },
      order: { enum: ['start-first', 'stop-first'] },
      settle: duration,
      drain: duration,
    },
  },
  read: (value) => ({
    update: compact<ServiceUpdate>({
      strategy: value.at('strategy').oneOf(['rolling', 'blue-green'] as const),
      order: value.at('order').oneOf(['start-first', 'stop-first'] as const),
      settle: value.at('settle').seconds(),
      drain: value.at('drain').seconds(),
    }),
  }),
};

/** `x-berth.update` at the top: how many revisions are kept. */
export const appUpdateKey: ExtensionKey<AppModel> = {
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: { history: { type: ['integer', 'string'] } },
  },
  read: (value) => ({ update: compact<AppUpdate>({ history: readHistory(value.at('history')) }) }),
};

function readHistory(history: Reader): number | undefined {
  const value = history.integer();
  if (value === undefined || value >= 1) return value;
  history.complain(
    'compose-invalid-value',
    `found ${value}, required is the number of revisions to keep, 1 or more`,
  );
  return undefined;
}
