// npm run docs:compose: writes what Berth does with every key of the Compose specification into docs/compose.md.
import { readFile, writeFile } from 'node:fs/promises';
import { withTable } from '../test/support/compose-table.ts';

const path = new URL('../docs/compose.md', import.meta.url);
await writeFile(path, withTable(await readFile(path, 'utf8')));
