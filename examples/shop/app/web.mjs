import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { openPool } from './database.mjs';
import { pageHtml } from './page.mjs';
import { OutOfStock, placeOrder, readShop } from './shop.mjs';

const pool = await openPool();
const style = await readFile(new URL('shop.css', import.meta.url));
const largestBody = 4096;

const headers = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
};

function send(response, status, type, body, more = {}) {
  response.writeHead(status, { ...headers, 'Content-Type': `${type}; charset=utf-8`, ...more });
  response.end(body);
}

const routes = {
  'GET /': async (_request, response) => send(response, 200, 'text/html', pageHtml(await readShop(pool))),
  'GET /shop.css': (_request, response) => send(response, 200, 'text/css', style),
  'GET /api/shop': async (_request, response) =>
    send(response, 200, 'application/json', JSON.stringify(await readShop(pool))),
  // Alive and able to serve: the database answers.
  'GET /healthz': async (_request, response) => {
    await pool.query('SELECT 1');
    send(response, 200, 'text/plain', 'ok\n');
  },
  'POST /orders': async (request, response) => {
    const form = new URLSearchParams(await bodyOf(request));
    const [product, quantity] = [Number(form.get('product')), Number(form.get('quantity'))];
    if (!Number.isInteger(product) || !Number.isInteger(quantity) || quantity < 1 || quantity > 10) {
      send(response, 422, 'text/plain', 'An order names a product and 1 to 10 pieces.\n');
      return;
    }
    await placeOrder(pool, product, quantity);
    send(response, 303, 'text/plain', '', { Location: '/' });
  },
};

async function bodyOf(request) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += part;
    if (text.length > largestBody) throw new Error('the body is too long');
  }
  return text;
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://shop');
  const route = routes[`${request.method} ${pathname}`];
  if (route === undefined) {
    send(response, 404, 'text/plain', 'Not found\n');
    return;
  }
  try {
    await route(request, response);
  } catch (error) {
    if (error instanceof OutOfStock) {
      send(response, 409, 'text/plain', `${error.message}\n`);
      return;
    }
    console.error(`${request.method} ${pathname}: ${error.message}`);
    send(response, 503, 'text/plain', 'The shop cannot be reached at the moment. Please try again.\n');
  }
}

const server = createServer((request, response) => void answer(request, response));
server.requestTimeout = 10_000;
server.listen(Number(process.env.PORT ?? 8080), () =>
  console.log(`the shop listens on port ${server.address().port}`),
);

for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => {
    server.close(() => void pool.end());
    server.closeIdleConnections();
  });
