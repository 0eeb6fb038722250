import type { Service } from '#domain/app/model.ts';
import type { ExtensionKey } from './read-x-berth.ts';

/** `x-berth.resources` of a service: processors of its own for each replica, and whether they are of one memory node. */
export const resourcesKey: ExtensionKey<Service> = {
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['exclusive_cpus'],
    properties: { exclusive_cpus: { type: 'integer', minimum: 1 }, numa: { enum: ['node', 'prefer'] } },
  },
  read: (value) => {
    const count = value.at('exclusive_cpus').integer();
    const numa = value.at('numa').oneOf(['node', 'prefer'] as const);
    const { file, line } = value.place;
    if (count === undefined) return {};
    return { cpus: { count, ...(numa === undefined ? {} : { numa }), at: `${file}:${line}` } };
  },
};
