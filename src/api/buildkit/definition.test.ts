import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { map, message, part, parts, text } from '#base/grpc/message.ts';
import { Definition } from './messages.ts';
import { definitionOf, inputsOf, refuseGraph } from './definition.ts';

test('what is given to clients as a graph is understood when they send it back', () => {
  const inputs = {
    result: { solve: 'abc', result: 'def' },
    folder: { local: 'context' },
    image: { image: 'docker.io/library/busybox:latest' },
    archive: { remote: 'https://example.com/context.tar.gz' },
  };
  const sent = Object.entries(inputs).map(([name, input]) => {
    const graph = definitionOf(input);
    // A client that marshals a graph looks for its vertices by the digests of their bytes.
    assert.equal(Object.keys(graph.metadata).length, 1);
    return [name, Definition.decode(Definition.encode(graph))] as const;
  });
  assert.deepEqual(inputsOf(Object.fromEntries(sent)), inputs);
});

test('a Git repository is known by its whole URL', () => {
  const source = message({ identifier: text(1), attributes: map(2, text(2)) });
  const op = message({ source: part(3, source) }).encode({
    source: {
      identifier: 'git://github.com/a/b.git#v1:sub',
      attributes: { 'git.fullurl': 'ssh://git@github.com/a/b.git' },
    },
  });
  const digest = `sha256:${createHash('sha256').update(op).digest('hex')}`;
  const last = message({ inputs: parts(1, message({ digest: text(1) })) }).encode({ inputs: [{ digest }] });
  assert.deepEqual(inputsOf({ context: Definition.of({ def: [op, last] }) }), {
    context: { remote: 'ssh://git@github.com/a/b.git#v1:sub' },
  });
});

test('graphs that are more than a source are refused', () => {
  const refused = /\(LLB\) is not offered/;
  assert.throws(() => inputsOf({ a: undefined }), refused);
  assert.throws(() => inputsOf({ a: Definition.of({ def: [Buffer.from([])] }) }), refused);
  assert.throws(() => refuseGraph(Definition.of({ def: [Buffer.from([])] })), refused);
  refuseGraph(Definition.of({}));
  refuseGraph(undefined);
});
