import type { SchemaObject } from 'ajv';
import spec from './schema/compose-spec.json' with { type: 'json' };
import { appKeys, extensionSchema, serviceKeys } from './read-x-berth.ts';

// The Compose specification's schema as compose-go 2.16.2 has it (Apache License 2.0). It puts services together from
// parts (`allOf`, `unevaluatedProperties`); here each has all its keys in one place, so that an error can name the
// nearest one.

const { $defs } = spec;
const container = $defs.container_spec.properties;
const workload = $defs.workload_spec.properties;

export const composeSchema: SchemaObject = {
  ...spec,
  properties: { ...spec.properties, 'x-berth': extensionSchema(appKeys) },
  $defs: {
    ...$defs,
    service: closed({
      ...container,
      ...workload,
      ...$defs.service.properties,
      'x-berth': extensionSchema(serviceKeys),
    }),
    job: { ...closed({ ...container, ...workload, ...$defs.job.properties }), required: $defs.job.required },
    pre_start_hook: closed({ ...container, ...$defs.pre_start_hook.properties }),
  },
};

function closed(properties: Record<string, SchemaObject>): SchemaObject {
  return { type: 'object', properties, additionalProperties: false, patternProperties: { '^x-': {} } };
}
