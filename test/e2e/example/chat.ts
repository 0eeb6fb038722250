import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { TestDaemon } from '../../support/daemon.ts';
import { ExampleApp, until } from '../../support/example-app.ts';
import { askHttp } from '../../support/ingress.ts';

interface Said {
  replica?: string;
  problem?: string;
  name?: string;
  text?: string;
}

const parse: (text: string) => Said = JSON.parse;
const host = 'chat.test';

/** One person: what they were told, in order, and the cookie that keeps them with their replica. */
class Person {
  readonly heard: Said[] = [];
  readonly socket: WebSocket;
  readonly cookie: string;

  constructor(socket: WebSocket, cookie: string) {
    this.socket = socket;
    this.cookie = cookie;
    socket.on('message', (data: Buffer) => this.heard.push(parse(data.toString())));
  }

  static async enter(port: number, cookie = ''): Promise<Person> {
    const headers = { host, cookie };
    const page = await askHttp(port, { host, headers });
    assert.equal(page.status, 200);
    const given = page.headers['set-cookie']?.[0]?.split(';')[0] ?? cookie;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { host, cookie: given } });
    const person = new Person(socket, given);
    await once(socket, 'open');
    await until(
      () => person.replica,
      (replica) => replica !== '',
    );
    return person;
  }

  get replica(): string {
    return this.heard[0]?.replica ?? '';
  }

  get texts(): string[] {
    return this.heard.flatMap(({ name, text }) => (text === undefined ? [] : [`${name ?? ''}: ${text}`]));
  }

  say(name: string, text: string): void {
    this.socket.send(JSON.stringify({ name, text }));
  }

  async hears(...texts: string[]): Promise<void> {
    await until(
      () => this.texts,
      (heard) => heard.length >= texts.length,
    );
    assert.deepEqual(this.texts, texts);
  }
}

/** People at different replicas read each other, stay where they are, and go on after an update of the servers. */
export async function chat(daemon: TestDaemon, port: number): Promise<void> {
  const app = await ExampleApp.copy(daemon, 'chat', { CHAT_HOST: host });
  await app.berth('up');
  await app.isLockedDown();

  const ann = await Person.enter(port);
  let bob = await Person.enter(port);
  // Round robin gives the next client the other replica, but who else asks is not ours to say.
  for (; bob.replica === ann.replica; bob = await Person.enter(port)) bob.socket.terminate();
  ann.say('Ann', 'Hello from here');
  await bob.hears('Ann: Hello from here');
  bob.say('Bob', 'and from there');
  await ann.hears('Ann: Hello from here', 'Bob: and from there');
  ann.say('Ann', '');
  await until(
    () => ann.heard.at(-1),
    (last) => last?.problem === 'A message has a name and a text.',
  );
  for (let i = 0; i < 4; i += 1) {
    const again = await Person.enter(port, ann.cookie);
    assert.equal(again.replica, ann.replica);
    again.socket.terminate();
  }

  // Whoever is connected is told to come again, and is not cut off before that.
  const ends = Promise.all([ann, bob].map(({ socket }) => once(socket, 'close')));
  await app.edit('compose.yaml', 'x-berth:\n', 'x-berth:\n      update: { drain: 1s }\n');
  await app.edit('chat/page.html', '<h1>Chat</h1>', '<h1>The chat</h1>');
  await app.berth('up');
  assert.deepEqual(
    (await ends).map(([code]): unknown => code),
    [1012, 1012],
  );
  const returned = await Person.enter(port, ann.cookie);
  assert.notEqual(returned.replica, ann.replica);
  await returned.hears('Ann: Hello from here', 'Bob: and from there');
  returned.socket.terminate();
  await app.takeDown();
}
