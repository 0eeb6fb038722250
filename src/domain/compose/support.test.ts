import assert from 'node:assert/strict';
import { test } from 'node:test';
import schema from './schema/compose-spec.json' with { type: 'json' };
import { support } from './support.ts';

type Schema = Record<string, unknown>;

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;
const definitions: Schema = schema.definitions;

/** Every key that the schema knows, as the table writes paths. */
function schemaKeys(): Set<string> {
  const found = new Set<string>();
  const walk = (node: unknown, path: string, within: readonly string[]): void => {
    if (!isSchema(node)) return;
    const reference =
      typeof node['$ref'] === 'string' ? node['$ref'].replace('#/definitions/', '') : undefined;
    if (reference !== undefined && !within.includes(reference))
      walk(definitions[reference], path, [...within, reference]);
    for (const word of ['oneOf', 'anyOf', 'allOf']) {
      const branches = node[word];
      if (Array.isArray(branches)) for (const branch of branches) walk(branch, path, within);
    }
    const properties = node['properties'];
    for (const [key, child] of Object.entries(isSchema(properties) ? properties : {})) {
      const here = path === '' ? key : `${path}.${key}`;
      found.add(here);
      walk(child, here, within);
    }
    const patterns = node['patternProperties'];
    for (const [pattern, child] of Object.entries(isSchema(patterns) ? patterns : {}))
      if (pattern !== '^x-') walk(child, `${path}.*`, within);
    walk(node['items'], `${path}[]`, within);
  };
  walk(schema, '', []);
  return found;
}

const ancestors = (key: string): string[] =>
  [...key.matchAll(/\.|\[\]/g)].map((cut) => key.slice(0, cut.index)).filter((one) => one !== '');

test('the table says for every key of the schema what becomes of it', () => {
  const keys = schemaKeys();
  assert.ok(keys.size > 300, `only ${keys.size} keys were found in the schema`);
  const lacking = [...keys].filter(
    (key) => support[key] === undefined && !ancestors(key).some((one) => typeof support[one] === 'string'),
  );
  assert.deepEqual(lacking, []);
});

test('the table has no key that the schema lacks', () => {
  const keys = schemaKeys();
  assert.deepEqual(
    Object.keys(support).filter((key) => !keys.has(key)),
    [],
  );
});
