import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '#adapters/clock/system-clock.ts';
import type { EngineEvent } from '#domain/event/event.ts';
import { Events } from '#engine/events/events.ts';

const clock = new SystemClock();
const never = new AbortController().signal;

async function collect(events: AsyncIterable<EngineEvent>): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of events) ids.push(event.id);
  return ids;
}

async function nextId(events: AsyncGenerator<EngineEvent, void>): Promise<string | undefined> {
  const next = await events.next();
  return next.done === true ? undefined : next.value.id;
}

test('a reader gets what was since a time and then what comes, once and in order', async () => {
  const events = new Events({ clock });
  events.emit('volume', 'create', 'before');
  const since = clock.timestamp();
  events.emit('volume', 'create', 'past');
  const leave = new AbortController();
  const reader = events.read({ since, signal: leave.signal });
  assert.equal(await nextId(reader), 'past');
  events.emit('volume', 'create', 'one');
  events.emit('volume', 'create', 'two');
  assert.equal(await nextId(reader), 'one');
  assert.equal(await nextId(reader), 'two');
  const last = reader.next();
  leave.abort();
  assert.equal((await last).done, true);
});

test('what happens between the past and the waiting of a reader is not lost', async () => {
  const events = new Events({ clock });
  const since = clock.timestamp();
  events.emit('volume', 'create', 'a');
  const reader = events.read({ since, signal: never });
  await reader.next();
  events.emit('volume', 'create', 'b');
  assert.equal(await nextId(reader), 'b');
  await reader.return(undefined);
});

test('reading until a past time ends by itself', async () => {
  const events = new Events({ clock });
  const since = clock.timestamp();
  events.emit('volume', 'create', 'a');
  const until = clock.timestamp();
  events.emit('volume', 'create', 'later');
  assert.deepEqual(await collect(events.read({ since, until, signal: never })), ['a']);
});

test('an end without a beginning gives all that happened before it', async () => {
  const events = new Events({ clock });
  events.emit('volume', 'create', 'a');
  const until = clock.timestamp();
  events.emit('volume', 'create', 'later');
  assert.deepEqual(await collect(events.read({ until, signal: never })), ['a']);
});

test('only the latest events are kept', async () => {
  const events = new Events({ clock, keep: 2 });
  const since = clock.timestamp();
  for (const id of ['a', 'b', 'c']) events.emit('volume', 'create', id);
  assert.deepEqual(await collect(events.read({ since, until: clock.timestamp(), signal: never })), [
    'b',
    'c',
  ]);
});

test('a reader that stalls is cut off instead of filling the memory', async () => {
  const events = new Events({ clock });
  const reader = events.read({ signal: never });
  const first = reader.next();
  for (let i = 0; i < 5000; i++) events.emit('volume', 'create', String(i));
  await first;
  await assert.rejects(async () => collect(reader), /more than 4096 events were not read in time/);
});
