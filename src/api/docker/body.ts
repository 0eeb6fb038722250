import type { FastifyRequest } from 'fastify';
import { invalid } from '#base/errors.ts';

// Docker decodes bodies as Go does: names of fields in any case, null for what is left out, and what it does not
// know is passed over. Here the last is told.

declare module 'fastify' {
  interface FastifyRequest {
    /** Fields of the body that its schema does not know: `HostConfig.Strange`. */
    unknownFields?: readonly UnknownField[];
  }
}

export interface UnknownField {
  path: string;
  value: unknown;
}

interface Schema {
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  type?: string;
}

/** A body with the schema's names and without the nulls that stand for nothing, and what it has besides. */
export function fitBody(schema: object, body: unknown): { body: unknown; unknown: UnknownField[] } {
  const unknown: UnknownField[] = [];
  return { body: fit(schema, body, '', unknown), unknown };
}

function fit(schema: object, value: unknown, path: string, unknown: UnknownField[]): unknown {
  if (!hasParts(schema)) return value;
  if (schema.anyOf !== undefined) {
    const branch = schema.anyOf.find((each) => each.type === typeOf(value));
    return branch === undefined ? value : fit(branch, value, path, unknown);
  }
  const { items, properties, patternProperties } = schema;
  if (Array.isArray(value) && items !== undefined)
    return value.map((each, index) => fit(items, each, `${path}[${index}]`, unknown));
  if (!isObject(value)) return value;
  if (properties !== undefined) return fitFields(properties, value, path, unknown);
  const [each] = Object.values(patternProperties ?? {});
  if (each === undefined) return value;
  return mapEntries(value, (key, one) => [key, fit(each, one, joined(path, key), unknown)]);
}

/** Whether a schema says something about the parts of a value. */
function hasParts(schema: object): schema is Schema {
  return ['anyOf', 'items', 'properties', 'patternProperties'].some((keyword) => keyword in schema);
}

function fitFields(
  properties: Record<string, Schema>,
  value: Record<string, unknown>,
  path: string,
  unknown: UnknownField[],
): unknown {
  const names = new Map(Object.keys(properties).map((name) => [name.toLowerCase(), name]));
  return mapEntries(value, (key, one) => {
    const name = Object.hasOwn(properties, key) ? key : names.get(key.toLowerCase());
    const schema = name === undefined ? undefined : properties[name];
    if (name === undefined || schema === undefined) {
      unknown.push({ path: joined(path, key), value: one });
      return undefined;
    }
    if (one === null && !allowsNull(schema)) return undefined;
    return [name, fit(schema, one, joined(path, name), unknown)];
  });
}

function mapEntries(
  value: Record<string, unknown>,
  change: (key: string, value: unknown) => [string, unknown] | undefined,
): unknown {
  const changed = Object.entries(value).map(([key, one]) => change(key, one));
  return Object.fromEntries(changed.filter((entry) => entry !== undefined));
}

function allowsNull(schema: Schema): boolean {
  return schema.type === 'null' || (schema.anyOf?.some(allowsNull) ?? false);
}

function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeOf(value) === 'object';
}

/** For a route's preValidation: fits the body and leaves it to the route to warn of what is not known. */
export function fitting(schema: object): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const { body, unknown } = fitBody(schema, request.body);
    request.body = body;
    request.unknownFields = unknown;
    return Promise.resolve();
  };
}

/**
 * As `fitting`, for routes whose answer has no room for a warning.
 * @param isHarmless what clients are known to send although it asks for nothing
 * @throws invalid `field-unknown`
 */
export function fittingExactly(
  schema: object,
  isHarmless: (path: string) => boolean = () => false,
): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    await fitting(schema)(request);
    refuseUnknown(request.unknownFields, isHarmless);
  };
}

/** @throws invalid `field-unknown` */
export function refuseUnknown(
  fields: readonly UnknownField[] = [],
  isHarmless: (path: string) => boolean = () => false,
): void {
  const strange = fields.find(({ path }) => !isHarmless(path));
  if (strange !== undefined)
    throw invalid('field-unknown', `invalid body: the field '${strange.path}' is not known`);
}
