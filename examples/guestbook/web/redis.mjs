import { once } from 'node:events';
import { connect } from 'node:net';

// The Redis protocol (RESP2, redis.io/docs/reference/protocol-spec), as much of it as a guestbook needs.

/** One reply from `buffer` at `at`: `[value, next]`, or undefined while it is not complete. An error reply is an Error. */
export function parseReply(buffer, at = 0) {
  const end = buffer.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const line = buffer.toString('utf8', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(buffer[at])) {
    case '+':
      return [line, next];
    case '-':
      return [new Error(line), next];
    case ':':
      return [Number(line), next];
    case '$':
      return parseBulk(buffer, next, Number(line));
    case '*':
      return parseArray(buffer, next, Number(line));
    default:
      throw new Error(`Redis sent what is no reply: '${line}'`);
  }
}

function parseBulk(buffer, start, length) {
  if (length < 0) return [null, start];
  if (buffer.length < start + length + 2) return undefined;
  return [buffer.toString('utf8', start, start + length), start + length + 2];
}

function parseArray(buffer, start, count) {
  if (count < 0) return [null, start];
  const values = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const reply = parseReply(buffer, at);
    if (reply === undefined) return undefined;
    values.push(reply[0]);
    at = reply[1];
  }
  return [values, at];
}

export function formatCommand(words) {
  const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}

/** One connection, opened when it is needed and again after Redis went away. */
export class Redis {
  #url;
  #socket;
  #waiting = [];
  #received = Buffer.alloc(0);

  constructor(url) {
    this.#url = new URL(url);
  }

  async command(...words) {
    const socket = await this.#connected();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      socket.write(formatCommand(words));
    });
  }

  #connected() {
    this.#socket ??= this.#connect();
    return this.#socket;
  }

  async #connect() {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port || 6379) });
    // A Redis that is stopped mid-reply must not leave a page waiting for ever.
    socket.setTimeout(
      5000,
      () =>
        (socket.connecting || this.#waiting.length > 0) && socket.destroy(new Error('Redis does not answer')),
    );
    socket.on('data', (data) => this.#receive(data));
    socket.on('error', (error) => this.#lost(error));
    socket.on('close', () => this.#lost(new Error('Redis closed the connection')));
    await once(socket, 'connect');
    return socket;
  }

  #receive(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (let reply = parseReply(this.#received); reply !== undefined; reply = parseReply(this.#received)) {
      this.#received = this.#received.subarray(reply[1]);
      const { resolve, reject } = this.#waiting.shift();
      if (reply[0] instanceof Error) reject(reply[0]);
      else resolve(reply[0]);
      if (this.#received.length === 0) return;
    }
  }

  #lost(error) {
    this.#socket = undefined;
    this.#received = Buffer.alloc(0);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
