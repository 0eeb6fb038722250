import type { SchemaObject } from 'ajv';
import type { AppModel, AppSecret, Service } from '#domain/app/model.ts';
import { affinityKey } from './read-x-berth-affinity.ts';
import { autoscaleKey } from './read-x-berth-autoscale.ts';
import { appExposureKey, serviceExposureKey } from './read-x-berth-exposure.ts';
import { ingressKey } from './read-x-berth-ingress.ts';
import { appPolicyKey, servicePolicyKey } from './read-x-berth-policy.ts';
import { probesKey } from './read-x-berth-probes.ts';
import { refreshKey } from './read-x-berth-refresh.ts';
import { resourcesKey } from './read-x-berth-resources.ts';
import { scheduleKey } from './read-x-berth-schedule.ts';
import { appSecretsKey } from './read-x-berth-secrets.ts';
import { appUpdateKey, serviceUpdateKey } from './read-x-berth-update.ts';
import type { Reader } from './reader.ts';

// Berth's own settings in a compose file: `x-berth` at the top and in services. Every other `x-` key is ignored, as
// the compose specification has it (11-extension.md).

export interface ExtensionContext {
  app: string;
  /** The app's, by key. */
  secrets: Readonly<Record<string, AppSecret>>;
  /** Makes a path of the file absolute; `at` is the value that holds it, since each file has its own folder. */
  resolve: (path: string, at: Reader) => string;
  /** Names of the app's services. */
  services: ReadonlySet<string>;
  /** The documents of another YAML file by its absolute path; what is wrong with it is complained about. */
  documents: (path: string, at: Reader) => Reader[];
}

/** One key of `x-berth`. Each has a file of its own, `read-x-berth-NAME.ts`, and one optional field in the model. */
export interface ExtensionKey<Model> {
  /**
   * JSON Schema of the value. It is checked before `read`, with file and line for each error, so say
   * `additionalProperties: false`: then `read` sees no unknown key and no wrong type.
   */
  schema: SchemaObject;
  /** Gives the field of the model; complains by `value.complain` about what the schema cannot say. */
  read: (value: Reader, context: ExtensionContext) => Partial<Model>;
}

type Keys<Model> = Readonly<Record<string, ExtensionKey<Model>>>;

export const serviceKeys: Keys<Service> = {
  affinity: affinityKey,
  autoscale: autoscaleKey,
  exposure: serviceExposureKey,
  ingress: ingressKey,
  policy: servicePolicyKey,
  probes: probesKey,
  refresh: refreshKey,
  resources: resourcesKey,
  schedule: scheduleKey,
  update: serviceUpdateKey,
};

export const appKeys: Keys<AppModel> = {
  exposure: appExposureKey,
  policy: appPolicyKey,
  secrets: appSecretsKey,
  update: appUpdateKey,
};

/** The fields that `x-berth` of a service adds to it. */
export function readServiceExtension(service: Reader, context: ExtensionContext): Partial<Service> {
  return readExtension(service.at('x-berth'), serviceKeys, context);
}

/** The fields that `x-berth` at the top of the file adds to the app. */
export function readAppExtension(root: Reader, context: ExtensionContext): Partial<AppModel> {
  return readExtension(root.at('x-berth'), appKeys, context);
}

export function readExtension<Model>(
  extension: Reader,
  keys: Keys<Model>,
  context: ExtensionContext,
): Partial<Model> {
  const fields: Partial<Model> = {};
  for (const [name, key] of Object.entries(keys)) {
    const value = extension.at(name);
    if (value.present) Object.assign(fields, key.read(value, context));
  }
  return fields;
}

/** The schema of a whole `x-berth`: a mapping of the known keys and no other. */
export function extensionSchema(keys: Readonly<Record<string, { schema: SchemaObject }>>): SchemaObject {
  const properties: Record<string, SchemaObject> = {};
  for (const [name, { schema }] of Object.entries(keys)) properties[name] = schema;
  return { type: 'object', additionalProperties: false, properties };
}
