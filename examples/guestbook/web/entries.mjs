/** The longest name and message, in characters, and how many entries the page shows. */
export const limits = { name: 60, message: 1000, shown: 50, kept: 10_000 };

const key = 'guestbook:entries';

/** What is wrong with an entry, or undefined. */
export function problemOf({ name, message }) {
  if (name === '') return 'Please write your name.';
  if (message === '') return 'Please write a message.';
  if (name.length > limits.name) return `A name has at most ${limits.name} characters.`;
  if (message.length > limits.message) return `A message has at most ${limits.message} characters.`;
  return undefined;
}

export async function addEntry(redis, { name, message }) {
  await redis.command('LPUSH', key, JSON.stringify({ name, message, time: Date.now() }));
  await redis.command('LTRIM', key, 0, limits.kept - 1);
}

/** The newest entries first, and how many there are. */
export async function readEntries(redis) {
  const [texts, total] = await Promise.all([
    redis.command('LRANGE', key, 0, limits.shown - 1),
    redis.command('LLEN', key),
  ]);
  return { entries: texts.map((text) => JSON.parse(text)), total };
}
