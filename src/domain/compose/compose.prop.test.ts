import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalYaml } from './canonical.ts';
import type { ComposeResult } from './compose.ts';
import { composeError } from './problem.ts';
import spec from './schema/compose-spec.json' with { type: 'json' };
import { readProject } from '../../../test/support/compose.ts';

function read(text: string, dotenv = ''): ComposeResult {
  return readProject({ 'compose.yaml': text, '.env': dotenv });
}

/** A model, or errors that lie inside the file and can be printed: nothing else may come of any text. */
function assertJudged(text: string, dotenv = ''): void {
  const { model, problems, sources } = read(text, dotenv);
  const errors = problems.filter((one) => one.severity === 'error');
  assert.equal(model === undefined, errors.length > 0, 'either a model or errors');
  assert.ok(composeError(problems, sources).message.length > 0);
  for (const { at } of problems) {
    assert.ok(at.line >= 1 && at.column >= 1, `${at.line}:${at.column} is no place`);
    assert.ok(
      at.line <= (sources.get(at.file) ?? '').split('\n').length,
      `${at.file} has no line ${at.line}`,
    );
  }
}

const sample = `x-base: &base { restart: always, environment: { A: "\${B:-c}" } }
services:
  web:
    <<: *base
    build: { context: ., args: [X=1] }
    ports: ["8080:80", { target: 90, published: "1-3" }]
    depends_on: { db: { condition: service_healthy } }
    volumes: ["data:/data:ro", "./a:/b"]
    deploy: { replicas: 2, resources: { limits: { memory: 1g } } }
  db:
    image: redis
    healthcheck: { test: ["CMD", "ok"], interval: 1s }
    networks: { back: { aliases: [x] } }
networks: { back: { ipam: { config: [{ subnet: 10.0.0.0/8 }] } } }
volumes: { data: }
`;

const pieces = [
  '',
  ' ',
  '\n',
  '\t',
  ':',
  '-',
  '[',
  ']',
  '{',
  '}',
  '$',
  '${',
  '&a',
  '*a',
  '<<',
  '!',
  '|',
  '"',
  "'",
  '#',
  '0',
  'null',
  '~',
];

test('a compose file broken anywhere is judged, never a crash', () => {
  const edits = fc.array(
    fc.record({ at: fc.nat(sample.length), cut: fc.nat(6), put: fc.constantFrom(...pieces) }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(edits, (all) => {
      let text = sample;
      for (const { at, cut, put } of all) text = text.slice(0, at) + put + text.slice(at + cut);
      assertJudged(text);
    }),
    { numRuns: 500 },
  );
});

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(
      null,
      true,
      1,
      -1,
      1.5,
      '',
      'a',
      'a:b',
      '1:2:3',
      '80-90',
      '${X',
      '1s',
      '1g',
      'service:web',
    ),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom('source', 'target', 'type', 'context', 'web', 'A', 'path', 'file', 'service', 'driver'),
      tie('any'),
      {
        maxKeys: 3,
      },
    ),
  ),
})).any;

const serviceKeys = Object.keys({
  ...spec.$defs.service.properties,
  ...spec.$defs.container_spec.properties,
  ...spec.$defs.workload_spec.properties,
});

test('any value below any key of a service is judged, never a crash', () => {
  fc.assert(
    fc.property(fc.constantFrom(...serviceKeys), value, (key, given) => {
      assertJudged(JSON.stringify({ services: { web: { image: 'x', [key]: given } } }));
    }),
    { numRuns: 3000 },
  );
});

test('any value below any key at the top is judged, never a crash', () => {
  const web = { image: 'x', secrets: ['a'], configs: ['a'], volumes: ['a:/a'], networks: ['a'] };
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(spec.properties)), value, (key, given) => {
      assertJudged(JSON.stringify({ services: { web }, [key]: given }));
      assertJudged(JSON.stringify({ services: { web }, [key]: { a: given } }));
    }),
    { numRuns: 1000 },
  );
});

test('what is printed as one file is read as the same model', () => {
  fc.assert(
    fc.property(fc.constantFrom(...serviceKeys), value, (key, given) => {
      const { document, model } = read(JSON.stringify({ services: { web: { image: 'x', [key]: given } } }));
      if (document === undefined || model === undefined) return;
      const again = read(canonicalYaml(document, model));
      assert.deepEqual(again.model, model);
    }),
    { numRuns: 1000 },
  );
});

test('any text in .env is judged, never a crash', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...pieces, 'A=', 'B') }), (text) =>
      assertJudged(sample, text),
    ),
  );
});
