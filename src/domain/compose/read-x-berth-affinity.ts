import type { Service } from '#domain/app/model.ts';
import type { ExtensionKey } from './read-x-berth.ts';

/** As Kubernetes has it: three hours. */
const USUAL_SECONDS = 10_800;

/** `x-berth.affinity` of a service: `client`, or for how long after its last connection a client keeps its replica. */
export const affinityKey: ExtensionKey<Service> = {
  schema: {
    oneOf: [
      { enum: ['client'] },
      {
        type: 'object',
        additionalProperties: false,
        required: ['timeout'],
        properties: { by: { enum: ['client'] }, timeout: { type: 'string', format: 'duration' } },
      },
    ],
  },
  read: (value) => ({ affinity: value.at('timeout').seconds() ?? USUAL_SECONDS }),
};
