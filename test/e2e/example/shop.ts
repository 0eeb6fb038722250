import assert from 'node:assert/strict';
import type { TestDaemon } from '../../support/daemon.ts';
import { ExampleApp, until } from '../../support/example-app.ts';
import { freePort } from '../../support/free-port.ts';

interface Shop {
  products: { id: number; stock: number }[];
  orders: { id: number; quantity: number; state: string; packed_by: string | null }[];
}

const parse: (text: string) => Shop = JSON.parse;

/** Orders and has them packed; a wrong migration stops an update, a right one goes in; nothing of the data is lost. */
export async function shop(daemon: TestDaemon): Promise<void> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const app = await ExampleApp.copy(daemon, 'shop', { SHOP_PORT: String(port) });
  const look = async (): Promise<Shop> => parse(await (await fetch(`${url}/api/shop`)).text());
  const order = async (product: number, quantity: number): Promise<number> => {
    const body = new URLSearchParams({ product: String(product), quantity: String(quantity) });
    return (await fetch(`${url}/orders`, { method: 'POST', body, redirect: 'manual' })).status;
  };
  const allPacked = ({ orders }: Shop): boolean => orders.every(({ state }) => state === 'packed');

  await app.write('db-password.txt', 'correct horse battery staple\n');
  await app.berth('up');
  await app.isLockedDown();
  assert.match(await (await fetch(url)).text(), /<b>Tea pot<\/b> 39\.00 €, 20 in stock/);

  assert.equal(await order(1, 2), 303);
  assert.equal(await order(2, 11), 422);
  for (let i = 0; i < 2; i += 1) assert.equal(await order(1, 9), 303);
  assert.equal(await order(1, 1), 409, 'none is left');
  const packed = await until(look, allPacked);
  assert.deepEqual(
    packed.orders.map(({ id, quantity }) => [id, quantity]),
    [
      [3, 9],
      [2, 9],
      [1, 2],
    ],
  );
  assert.equal(packed.products[0]?.stock, 0);

  const before = await app.running();
  await app.write('app/migrations/3-wrong.sql', 'ALTER TABLE nowhere ADD COLUMN x text;');
  const { code, stderr } = await app.try('up');
  assert.equal(code, 1);
  assert.match(stderr, /relation "nowhere" does not exist/);
  assert.deepEqual(await app.running(), before, 'the shop goes on as it was');
  assert.equal(await order(2, 1), 303);

  await app.write('app/migrations/3-wrong.sql', "INSERT INTO products VALUES (4, 'Tea spoon', 300, 50);");
  await app.edit('app/page.mjs', 'Tea shop', 'The tea shop');
  await app.berth('up');
  await app.berth('scale', 'shop/worker=3');
  assert.match(await (await fetch(url)).text(), /<h1>The tea shop<[^]*Tea spoon/);
  for (let i = 0; i < 12; i += 1) assert.equal(await order(4, 1), 303);
  const all = await until(look, allPacked);
  assert.equal(all.orders.length, 16);
  // Each piece was packed by one worker, once.
  assert.deepEqual([all.products[3]?.stock, all.products[1]?.stock], [38, 99]);

  await app.berth('down');
  await app.berth('up');
  assert.deepEqual((await look()).orders.length, 16, 'the orders are on the volume');
  await app.takeDown();

  const refused = await daemon.docker('run', '--rm', 'debian.berth/postgresql:bookworm');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no password for the first start: set POSTGRES_PASSWORD_FILE/);
}
