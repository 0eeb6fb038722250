import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { addEntry, limits, problemOf, readEntries } from './entries.mjs';
import { pageHtml } from './page.mjs';
import { Redis } from './redis.mjs';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://localhost:6379');
const style = await readFile(new URL('page.css', import.meta.url));
const largestBody = 16 * 1024;

const headers = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

function send(response, status, type, body, more = {}) {
  response.writeHead(status, { ...headers, 'Content-Type': `${type}; charset=utf-8`, ...more });
  response.end(body);
}

const routes = {
  'GET /': async (_request, response) => {
    send(response, 200, 'text/html', pageHtml({ ...(await readEntries(redis)), limits }));
  },
  'GET /page.css': (_request, response) => {
    send(response, 200, 'text/css', style, { 'Cache-Control': 'max-age=300' });
  },
  'GET /healthz': async (_request, response) => {
    await redis.command('PING');
    send(response, 200, 'text/plain', 'ok\n');
  },
  'POST /entries': async (request, response) => {
    const form = new URLSearchParams(await bodyOf(request));
    const draft = { name: (form.get('name') ?? '').trim(), message: (form.get('message') ?? '').trim() };
    const problem = problemOf(draft);
    if (problem !== undefined) {
      send(response, 422, 'text/html', pageHtml({ ...(await readEntries(redis)), limits, problem, draft }));
      return;
    }
    await addEntry(redis, draft);
    // Back to the page by GET, so that a reload does not send the entry again.
    send(response, 303, 'text/plain', '', { Location: '/' });
  },
};

class TooLarge extends Error {}

async function bodyOf(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > largestBody) throw new TooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://guestbook');
  const route = routes[`${request.method === 'HEAD' ? 'GET' : request.method} ${pathname}`];
  if (route === undefined) {
    send(response, 404, 'text/plain', 'Not found\n');
    return;
  }
  try {
    await route(request, response);
  } catch (error) {
    if (error instanceof TooLarge) {
      send(response, 413, 'text/plain', 'That is too long for a guestbook.\n', { Connection: 'close' });
      return;
    }
    console.error(`${request.method} ${pathname}: ${error.message}`);
    send(response, 503, 'text/plain', 'The guestbook cannot be reached at the moment. Please try again.\n');
  }
}

const server = createServer((request, response) => void answer(request, response));
server.requestTimeout = 10_000;
server.listen(Number(process.env.PORT ?? 8080), () =>
  console.log(`guestbook listens on port ${server.address().port}`),
);

for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => {
    console.log(`${signal}: finishing what was begun`);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
