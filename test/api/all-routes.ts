import { containers } from './containers.table.ts';
import { images, volumes } from './images.table.ts';
import { networks } from './networks.table.ts';
import { absent, system } from './system.table.ts';
import type { Table } from './table.ts';

/** Every route of the Docker Engine API that there is; `routes.test.ts` shows that none is missing. */
export const table: Table = { ...system, ...images, ...volumes, ...networks, ...containers, ...absent };

export const routes: readonly string[] = Object.keys(table);
