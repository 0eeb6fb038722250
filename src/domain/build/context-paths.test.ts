import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import { contextPaths } from './context-paths.ts';
import { planBuild } from './plan.ts';

function paths(text: string, name?: string, target?: string): string[] | undefined {
  const platform = 'linux/amd64';
  const plan = planBuild(parseDockerfile(text, 'Dockerfile'), {
    ...{ args: {}, platform, machine: platform, labels: {}, contexts: ['files', 'base'] },
    ...(target !== undefined && { target }),
  });
  return contextPaths([plan], name);
}

test('what instructions take of the context is known before they run', () => {
  const found = paths(`FROM scratch AS made
COPY --from=files x /
FROM scratch
COPY package.json ./src/ /a/../b *.go ../up /
COPY ["with space", "/"]
COPY --parents a/./sub/*.txt /p/
ADD https://host/file git@host:x.git https://host/r.git tar.gz /
COPY <<text /text
text
RUN --mount=target=/m,source=tools --mount=type=cache,target=/c --mount=type=secret,id=s true
RUN --mount=type=bind,from=made,target=/m,source=other true
COPY --from=made /elsewhere /
`);
  assert.deepEqual(found, [
    ...['*.go', 'a/sub/*.txt', 'b', 'package.json', 'src', 'tar.gz', 'tools', 'up', 'with space'],
  ]);
});

test('variables are not known yet: the folder before them is taken', () => {
  assert.deepEqual(paths('FROM scratch\nARG A=1\nCOPY dist/$A/x bin/a${A}b bin/${A:?no} /\n'), [
    'bin',
    'dist',
  ]);
  for (const copy of ['$A', 'x$A', '"d/"$A', '.', '/', '..'])
    assert.equal(paths(`FROM scratch\nARG A=1\nCOPY ${copy} a /\n`), undefined, copy);
  for (const mount of ['target=/m', 'target=/m,source=$A', 'target=/m,source=/'])
    assert.equal(paths(`FROM scratch\nARG A=1\nRUN --mount=${mount} true\n`), undefined, mount);
});

test('a build that takes nothing needs nothing, and stages that are not needed do not count', () => {
  assert.deepEqual(paths('FROM scratch\nENV A=1\n'), []);
  assert.deepEqual(paths('FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\n', undefined, 'a'), [
    'a',
  ]);
});

test('of a named context only what is taken, and all where it is a base', () => {
  const text = `FROM scratch
COPY --from=files a /
RUN --mount=from=files,source=b,target=/b true
RUN --mount=type=cache,from=files,source=c,target=/c true
COPY d /
`;
  assert.deepEqual(paths(text, 'files'), ['a', 'b', 'c']);
  assert.deepEqual(paths('FROM base\nCOPY --from=base x /\n', 'base'), undefined);
});
