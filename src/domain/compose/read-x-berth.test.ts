import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extensionSchema, readExtension, type ExtensionKey } from './read-x-berth.ts';
import { Reader } from './reader.ts';
import { readTree } from './tree.ts';
import type { Problem } from './problem.ts';
import { readProject } from '../../../test/support/compose.ts';

function problemsOf(text: string): string[] {
  const { problems } = readProject({ 'compose.yaml': text });
  return problems.map((one) => `${one.at.line}:${one.at.column} ${one.path} ${one.code} ${one.message}`);
}

test('an unknown key of x-berth is refused at its place, at the top and in a service', () => {
  const text = [
    'x-berth:',
    '  nonsense-word: 1',
    'services:',
    '  web:',
    '    image: a',
    '    x-berth:',
    '      other-nonsense: {}',
  ].join('\n');
  assert.deepEqual(problemsOf(text), [
    "2:3 x-berth.nonsense-word compose-unknown-key the key 'nonsense-word' is unknown",
    "7:7 services.web.x-berth.other-nonsense compose-unknown-key the key 'other-nonsense' is unknown",
  ]);
});

test('x-berth must be a mapping; other x- keys are ignored', () => {
  assert.deepEqual(problemsOf('services: {web: {image: a, x-berth: [1], x-mine: 2}}\nx-other: 3'), [
    '1:37 services.web.x-berth compose-wrong-type found a list, required is a mapping',
  ]);
});

test('each known key that is there is read by its reader', () => {
  interface Model {
    depth?: number;
    name?: string;
  }
  const keys: Record<string, ExtensionKey<Model>> = {
    depth: { schema: { type: 'integer' }, read: (value) => ({ depth: value.integer() ?? 0 }) },
    name: { schema: { type: 'string' }, read: (value) => ({ name: value.text() ?? '' }) },
  };
  const problems: Problem[] = [];
  const { tree } = readTree({ name: 'f', folder: '/', lookup: () => undefined, via: [] }, 'depth: 3');
  const context = {
    app: 'app',
    secrets: {},
    resolve: (path: string) => path,
    services: new Set<string>(),
    documents: () => [],
  };
  assert.deepEqual(readExtension(new Reader(tree, [], problems), keys, context), { depth: 3 });
  assert.deepEqual(extensionSchema(keys), {
    type: 'object',
    additionalProperties: false,
    properties: { depth: { type: 'integer' }, name: { type: 'string' } },
  });
});
