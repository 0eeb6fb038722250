import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair, PassThrough } from 'node:stream';
import { DetachFilter, parseDetachKeys } from './detach-keys.ts';
import { frame, pump, streamType, type PumpOptions } from './stdio.ts';

const options: PumpOptions = {
  tty: false,
  raw: false,
  stdin: true,
  stdout: true,
  stderr: true,
  closeStdin: true,
  detachKeys: parseDetachKeys(undefined),
};

function joined(more: Partial<PumpOptions> = {}) {
  const [client, ours] = duplexPair();
  const process = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    close: () => undefined,
  };
  return { client, process, done: pump(ours, process, { ...options, ...more }).then(() => ours.end()) };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.toString();
  return text;
}

describe("Docker's stream framing", () => {
  it('has the stream and the length before the data', () => {
    assert.deepEqual([...frame('stderr', Buffer.from('ab'))], [2, 0, 0, 0, 0, 0, 0, 2, 97, 98]);
  });

  it('has the content type of the API version', () => {
    assert.match(streamType(false, '1.42'), /multiplexed/);
    assert.match(streamType(false, '1.41'), /raw/);
    assert.match(streamType(true, '1.51'), /raw/);
  });
});

describe('a client joined with a process', () => {
  it('gets every byte of both streams, and the end after the last', async () => {
    const { client, process, done } = joined();
    const seen = textOf(client);
    process.stdout.end('out');
    process.stderr.end('err');
    await done;
    assert.equal(
      await seen,
      `${frame('stdout', Buffer.from('out')).toString()}${frame('stderr', Buffer.from('err')).toString()}`,
    );
  });

  it('ends the input of the process by closing its own', async () => {
    const { client, process, done } = joined();
    client.resume();
    const input = textOf(process.stdin);
    client.end('typed');
    assert.equal(await input, 'typed');
    process.stdout.end();
    process.stderr.end();
    await done;
  });

  it('ends the input of the process, too, when it has closed its own before', async () => {
    const [client, ours] = duplexPair();
    client.resume().end();
    await once(ours.resume(), 'end');
    const process = {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      close: () => undefined,
    };
    const done = pump(ours, process, options);
    await once(process.stdin.resume(), 'end');
    process.stdout.end();
    process.stderr.end();
    await done;
  });

  it('goes by its detach keys and leaves the input open', async () => {
    const { client, process, done } = joined({ tty: true, raw: true, closeStdin: false });
    client.resume();
    client.write('ab\u0010\u0011');
    await done;
    assert.equal(String(process.stdin.read()), 'ab');
    assert.equal(process.stdin.writableEnded, false);
  });

  it('waits for what else has to be complete', async () => {
    const exit = Promise.withResolvers<undefined>();
    const { client, process, done } = joined({ complete: exit.promise });
    client.resume();
    process.stdout.end();
    process.stderr.end();
    let isDone = false;
    void done.then(() => (isDone = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isDone, false);
    exit.resolve(undefined);
    await done;
  });
});

describe('detach keys', () => {
  it('are read as Docker writes them', () => {
    assert.deepEqual([...parseDetachKeys('ctrl-a,x,ctrl-[')], [1, 120, 27]);
    assert.throws(() => parseDetachKeys('ctrl-1'), /Invalid escape keys/);
  });

  it('pass on what only began like them', async () => {
    const filter = new DetachFilter(parseDetachKeys(undefined), () => assert.fail('detached'));
    const seen = textOf(filter);
    filter.write('a\u0010');
    filter.write('b\u0010');
    filter.end();
    await once(filter, 'end');
    assert.equal(await seen, 'a\u0010b\u0010');
  });
});
