import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

// Debian's packages are found by require only.
const { Client, Pool } = createRequire(import.meta.url)('pg');

/** Host, user and database come from PGHOST, PGUSER and PGDATABASE. */
async function settings() {
  const password = (await readFile(process.env.PASSWORD_FILE, 'utf8')).trim();
  return { password, connectionTimeoutMillis: 3000, max: 5 };
}

/** One connection, connected. */
export async function connect() {
  const client = new Client(await settings());
  await client.connect();
  return client;
}

export async function openPool() {
  const pool = new Pool(await settings());
  pool.on('error', (error) => console.error(`a connection was lost: ${error.message}`));
  return pool;
}

/** Runs `work` with a connection in one transaction. */
export async function transaction(pool, work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release(error);
    throw error;
  }
}
