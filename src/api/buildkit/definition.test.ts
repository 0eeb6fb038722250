import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { flag, map, message, part, parts, text } from '#base/grpc/message.ts';
import { Definition } from './messages.ts';
import { definitionOf, inputOf, inputsOf, refuseGraph } from './definition.ts';

test('what is given to clients as a graph is understood when they send it back', () => {
  const inputs = {
    result: { solve: 'abc', result: 'def' },
    folder: { local: 'context' },
    image: { image: 'docker.io/library/busybox:latest' },
    archive: { remote: 'https://example.com/context.tar.gz' },
    file: { remote: 'https://example.com/x?y=z', filename: 'context' },
  };
  const sent = Object.entries(inputs).map(([name, input]) => {
    const graph = definitionOf(input);
    // A client that marshals a graph looks for its vertices by the digests of their bytes.
    assert.equal(Object.keys(graph.metadata).length, 1);
    return [name, Definition.decode(Definition.encode(graph))] as const;
  });
  assert.deepEqual(inputsOf(Object.fromEntries(sent)), inputs);
});

const Source = message({ identifier: text(1), attributes: map(2, text(2)) });
const Copy = message({ source: text(1), target: text(2), contents: flag(6), unpack: flag(7) });
const Files = message({ actions: parts(2, message({ copy: part(4, Copy) })) });
const Input = message({ digest: text(1) });
const Op = message({ inputs: parts(1, Input), source: part(3, Source), file: part(4, Files) });

/** Vertices of which each has the one before as its input. */
function chain(...vertices: Parameters<typeof Op.encode>[0][]) {
  const def: Uint8Array[] = [];
  for (const vertex of [...vertices, {}]) {
    const last = def.at(-1);
    const digest = last === undefined ? '' : `sha256:${createHash('sha256').update(last).digest('hex')}`;
    def.push(Op.encode({ ...vertex, inputs: last === undefined ? [] : [{ digest }] }));
  }
  return Definition.of({ def });
}

const source = (identifier: string, attributes = {}) => ({ source: { identifier, attributes } });
const copying = (...copies: Partial<ReturnType<typeof Copy.of>>[]) => ({
  file: { actions: copies.map((copy) => ({ copy: Copy.of(copy) })) },
});
const repository = source('git://github.com/a/b.git#v1:sub', {
  'git.fullurl': 'ssh://git@github.com/a/b.git',
});
const archive = source('https://example.com/c.tgz', { 'http.filename': 'context' });

test('a Git repository is known by its whole URL, and a folder of it by a copy', () => {
  const remote = 'ssh://git@github.com/a/b.git#v1:sub';
  assert.deepEqual(inputOf(chain(repository)), { remote });
  const folder = copying({ source: './deep/er', target: '/', contents: true });
  assert.deepEqual(inputOf(chain(repository, folder)), { remote: `${remote}/deep/er` });
  const plain = source('git://example.com/a.git');
  assert.deepEqual(inputOf(chain(plain, folder)), { remote: 'https://example.com/a.git#:deep/er' });
});

test('what is at a URL is a file, until it is unpacked', () => {
  assert.deepEqual(inputOf(chain(source('https://example.com/a/b.hcl?x=y'))), {
    ...{ remote: 'https://example.com/a/b.hcl?x=y', filename: 'b.hcl' },
  });
  const unpacking = copying({ source: '/context', target: '/', unpack: true });
  assert.deepEqual(inputOf(chain(archive, unpacking)), { remote: 'https://example.com/c.tgz' });
});

test('other copies are no source', () => {
  const wrong = [
    [repository, copying({ source: '/a', target: '/', contents: false })],
    [repository, copying({ source: '/a', target: '/b', contents: true })],
    [
      repository,
      copying({ source: '/a', target: '/', contents: true }, { source: '/b', target: '/', contents: true }),
    ],
    [archive, copying({ source: '/context', target: '/' })],
    [source('docker-image://a'), copying({ source: '/a', target: '/', contents: true })],
    [source('oci-layout://a')],
  ];
  for (const vertices of wrong) assert.throws(() => inputOf(chain(...vertices)), /\(LLB\) is not offered/);
});

test('graphs that are more than a source are refused', () => {
  const refused = /\(LLB\) is not offered/;
  assert.throws(() => inputsOf({ a: undefined }), refused);
  assert.throws(() => inputsOf({ a: Definition.of({ def: [Buffer.from([])] }) }), refused);
  assert.throws(() => refuseGraph(Definition.of({ def: [Buffer.from([])] })), refused);
  refuseGraph(Definition.of({}));
  refuseGraph(undefined);
});
