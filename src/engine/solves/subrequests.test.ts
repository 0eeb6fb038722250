import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dockerfiles } from '#engine/builds/dockerfiles.ts';
import type { BuildRequest, DockerfileAnswer } from '#engine/contracts.ts';
import { answerSubrequest } from './subrequests.ts';

const request: BuildRequest = {
  context: { folder: '/' },
  tags: [],
  buildArgs: {},
  labels: {},
  onProgress: () => undefined,
  signal: new AbortController().signal,
};

function ask(name: string, text: string): Promise<Record<string, string>> {
  const dockerfiles = new Dockerfiles(() => undefined, 'linux/amd64');
  const file = { name: 'Dockerfile', text };
  const answered = <T>(answer: T): Promise<DockerfileAnswer<T>> => Promise.resolve({ file, answer });
  const question = { ...file, args: {} };
  const builds = {
    check: () => answered(dockerfiles.check(question)),
    outline: () => answered(dockerfiles.outline(question)),
    targets: () => answered(dockerfiles.targets(question)),
  };
  return answerSubrequest(builds, name, request);
}

const parse: (json: string | undefined) => unknown = (json) => JSON.parse(json ?? '');

test('a check tells what it found, for programs and for people', async () => {
  const text = 'FROM busybox as one\nCMD ["true"]\n';
  const answer = await ask('frontend.lint', text);
  assert.equal(answer['result.statuscode'], '1');
  assert.equal(answer['version'], '1.0.0');
  const line = { line: 1 };
  assert.deepEqual(parse(answer['result.json']), {
    warnings: [
      {
        ruleName: 'FromAsCasing',
        description: "The 'as' keyword should match the case of the 'from' keyword",
        url: 'https://docs.docker.com/go/dockerfile/rule/from-as-casing/',
        detail: "'as' and 'FROM' keywords' casing do not match",
        location: { ranges: [{ start: line, end: line }] },
      },
    ],
    sources: [{ filename: 'Dockerfile', language: 'Dockerfile', data: Buffer.from(text).toString('base64') }],
  });
  assert.equal(
    answer['result.txt'],
    `
WARNING: FromAsCasing - https://docs.docker.com/go/dockerfile/rule/from-as-casing/
'as' and 'FROM' keywords' casing do not match
Dockerfile:1
--------------------
   1 | >>> FROM busybox as one
   2 |     CMD ["true"]
   3 |     ${''}
--------------------
`,
  );
  const clean = await ask('frontend.lint', 'FROM busybox\nCMD ["true"]\n');
  assert.deepEqual([clean['result.statuscode'], clean['result.txt']], ['0', '']);
});

test('what cannot be built at all is part of the answer to a check', async () => {
  const answer = await ask('frontend.lint', 'FROM busybox\nRNU x\n');
  assert.equal(answer['result.statuscode'], '1');
  assert.match(
    answer['result.json'] ?? '',
    /"buildError": {\s*"message": "dockerfile parse error on line 2: unknown instruction: RNU"/,
  );
});

test('an outline has what the target takes, and a list has the targets', async () => {
  const text = `# help
FROM busybox AS first
# WORD is written
ARG WORD=own
RUN --mount=type=secret,id=s,required true
RUN --mount=type=ssh true
FROM first AS last
`;
  const outline = await ask('frontend.outline', text);
  assert.equal(
    outline['result.txt'],
    `TARGET: last

BUILD ARG   VALUE   DESCRIPTION
WORD        own     is written

SECRET   REQUIRED
s        true

SSH       REQUIRED
default   ${''}

`,
  );
  assert.match(outline['result.json'] ?? '', /"secrets": \[\s*{\s*"name": "s",\s*"required": true/);
  const targets = await ask('frontend.targets', text);
  assert.equal(targets['result.txt'], 'TARGET         DESCRIPTION\nfirst          \nlast (default) \n');
  assert.match(targets['result.json'] ?? '', /"name": "last",\s*"default": true,\s*"base": "first"/);
});

test('the questions that there are are told, others refused', async () => {
  const { 'result.txt': text = '' } = await ask('frontend.subrequests.describe', '');
  assert.match(text, /^lint +1\.0\.0 +Lint a Dockerfile$/m);
  await assert.rejects(ask('frontend.strange', ''), /unsupported request frontend\.strange/);
});
