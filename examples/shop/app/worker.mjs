// Packs what was ordered, one order at a time. SKIP LOCKED lets any number of workers share the queue, and an order
// whose worker dies is there for the next one.
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { openPool, transaction } from './database.mjs';

const pool = await openPool();
const idleMs = 500;
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stopping.abort());

const next = `UPDATE orders SET state = 'packed', packed_by = $1
  WHERE id = (SELECT id FROM orders WHERE state = 'placed' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING id, quantity`;

async function packOne() {
  const { rows } = await transaction(pool, (client) => client.query(next, [hostname()]));
  for (const { id, quantity } of rows) console.log(`packed order ${id}: ${quantity} pieces`);
  return rows.length > 0;
}

console.log('waiting for orders');
while (!stopping.signal.aborted) {
  const worked = await packOne().catch((error) => console.error(`try again soon: ${error.message}`));
  if (worked !== true)
    await setTimeout(idleMs, undefined, { signal: stopping.signal }).catch(() => undefined);
}
await pool.end();
