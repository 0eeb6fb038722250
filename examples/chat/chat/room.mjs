import { createRequire } from 'node:module';

// Debian's packages are found by require only.
const { createClient } = createRequire(import.meta.url)('redis');

const channel = 'messages';
const kept = 100;

/** What everybody reads, whichever replica they are connected to. */
export class Room {
  #writer;
  #reader;

  /** @param url of Redis @param onMessage called with the text of each message, of all replicas */
  static async open(url, onMessage) {
    const room = new Room();
    room.#writer = createClient({ url });
    room.#reader = room.#writer.duplicate();
    for (const client of [room.#writer, room.#reader])
      client.on('error', (error) => console.error(`redis: ${error.message}`));
    await Promise.all([room.#writer.connect(), room.#reader.connect()]);
    await room.#reader.subscribe(channel, onMessage);
    return room;
  }

  /** Stored and told to all in one transaction. */
  async say(message) {
    const text = JSON.stringify(message);
    await this.#writer
      .multi()
      .rPush('history', text)
      .lTrim('history', -kept, -1)
      .publish(channel, text)
      .exec();
  }

  history() {
    return this.#writer.lRange('history', 0, -1);
  }

  ping() {
    return this.#writer.ping();
  }

  async close() {
    await Promise.all([this.#reader.quit(), this.#writer.quit()]);
  }
}
