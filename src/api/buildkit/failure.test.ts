import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import { located, stepFailed } from '#engine/builds/failures.ts';
import { GrpcError } from '#base/grpc/status.ts';
import { solveFailure } from './failure.ts';
import { Status } from './messages.ts';

const text = 'FROM scratch\nRUN one\n';

function sent(error: unknown): { message: string; source: unknown } {
  const failure = solveFailure(error);
  assert.ok(failure instanceof GrpcError && failure.status !== undefined);
  const { message, details } = Status.decode(failure.status);
  assert.equal(message, failure.message);
  const [detail] = details;
  assert.equal(detail?.type, 'github.com/moby/buildkit/errdefs.Source+json');
  const parse: (json: string) => unknown = JSON.parse;
  return { message, source: parse(Buffer.from(detail.value).toString()) };
}

function source(file: string, line: number): unknown {
  return {
    info: { filename: 'Dockerfile', language: 'Dockerfile', data: Buffer.from(file).toString('base64') },
    ranges: [{ start: { line }, end: { line } }],
  };
}

test("a step that failed is told in BuildKit's words, with the line of the file apart from them", () => {
  const file = parseDockerfile(text);
  const instruction = file.stages[0]?.instructions[0];
  assert.ok(instruction !== undefined);
  assert.deepEqual(sent(located(file, instruction, stepFailed(['/bin/sh', '-c', 'one'], 3))), {
    message: 'process "/bin/sh -c one" did not complete successfully: exit code: 3',
    source: source(text, 2),
  });
});

test('a mistake in the Dockerfile is told with its line, and what may help', () => {
  const wrong = 'FROM scratch\nRNU one\n';
  assert.throws(
    () => parseDockerfile(wrong),
    (error) => {
      const told = sent(error);
      assert.match(
        told.message,
        /^dockerfile parse error on line 2: unknown instruction: RNU\nhint: did you mean 'RUN'/,
      );
      assert.deepEqual(told.source, source(wrong, 2));
      return true;
    },
  );
});
