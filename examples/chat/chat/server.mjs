import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { Room } from './room.mjs';

const { WebSocketServer } = createRequire(import.meta.url)('ws');
const limits = { name: 30, text: 500 };

const files = {
  '/': ['page.html', 'text/html'],
  '/page.js': ['page.js', 'text/javascript'],
  '/page.css': ['page.css', 'text/css'],
};
const contents = new Map();
for (const [path, [file, type]] of Object.entries(files))
  contents.set(path, { type, body: await readFile(new URL(file, import.meta.url)) });

const server = createServer((request, response) => void answer(request, response));
const sockets = new WebSocketServer({ server, path: '/socket', maxPayload: 4096 });
const room = await Room.open(process.env.REDIS_URL ?? 'redis://localhost:6379', (text) => {
  for (const socket of sockets.clients) socket.send(text);
});

async function answer(request, response) {
  if (request.url === '/healthz') {
    const isWell = await room.ping().then(
      () => true,
      () => false,
    );
    response.writeHead(isWell ? 200 : 503).end(isWell ? 'ok\n' : 'redis does not answer\n');
    return;
  }
  const content = contents.get(request.url);
  if (content === undefined || request.method !== 'GET') {
    response.writeHead(404).end('Not found\n');
    return;
  }
  response
    .writeHead(200, {
      'Content-Type': `${content.type}; charset=utf-8`,
      'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
    })
    .end(content.body);
}

/** A message as it is stored, or undefined when it is none. */
function messageOf(data) {
  try {
    const { name, text } = JSON.parse(String(data));
    const message = { id: randomUUID(), name: String(name).trim(), text: String(text).trim() };
    const fits = (key) => message[key].length > 0 && message[key].length <= limits[key];
    return fits('name') && fits('text') ? message : undefined;
  } catch {
    return undefined;
  }
}

sockets.on('connection', async (socket) => {
  socket.on('error', (error) => console.error(`a client: ${error.message}`));
  socket.on('message', (data) => {
    const message = messageOf(data);
    if (message === undefined) socket.send(JSON.stringify({ problem: 'A message has a name and a text.' }));
    else room.say(message).catch((error) => console.error(`not sent: ${error.message}`));
  });
  socket.send(JSON.stringify({ replica: hostname() }));
  try {
    // What arrives meanwhile may come twice: clients tell messages apart by id.
    for (const text of await room.history()) socket.send(text);
  } catch (error) {
    console.error(`no history: ${error.message}`);
    socket.close(1011);
  }
});

server.listen(Number(process.env.PORT ?? 8080), () =>
  console.log(`the chat listens on port ${server.address().port}`),
);

for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => {
    server.close(() => void room.close());
    // 1012, service restart: clients connect again, to another replica.
    for (const socket of sockets.clients) socket.close(1012);
    server.closeIdleConnections();
  });
