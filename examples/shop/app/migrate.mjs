// Applies what is new in migrations/, in order of the numbers, each in a transaction of its own. Ends with 0 when all are in.
import { readdir, readFile } from 'node:fs/promises';
import { connect } from './database.mjs';

const folder = new URL('migrations/', import.meta.url);
const names = (await readdir(folder)).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
const client = await connect();
// One at a time, also when two of these run.
await client.query('SELECT pg_advisory_lock(1)');
await client.query('CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)');
const done = new Set((await client.query('SELECT name FROM migrations')).rows.map(({ name }) => name));

for (const name of names.filter((one) => !done.has(one))) {
  try {
    await client.query('BEGIN');
    await client.query(await readFile(new URL(name, folder), 'utf8'));
    await client.query('INSERT INTO migrations VALUES ($1)', [name]);
    await client.query('COMMIT');
  } catch (error) {
    // Not committed: nothing of it is in.
    console.error(`${name}: ${error.message}`);
    process.exit(1);
  }
  console.log(`applied ${name}`);
}
await client.end();
