import { transaction } from './database.mjs';

export class OutOfStock extends Error {}

/** Products, and the latest orders with their state. */
export async function readShop(pool) {
  const products = await pool.query('SELECT id, name, price_cents, stock FROM products ORDER BY id');
  const orders = await pool.query(
    `SELECT orders.id::int, name, quantity, state, packed_by
     FROM orders JOIN products ON products.id = product_id ORDER BY orders.id DESC LIMIT 20`,
  );
  return { products: products.rows, orders: orders.rows };
}

/** Takes the pieces from the stock and puts the order into the queue, or neither. @throws OutOfStock */
export function placeOrder(pool, product, quantity) {
  return transaction(pool, async (client) => {
    const taken = await client.query('UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2', [
      product,
      quantity,
    ]);
    if (taken.rowCount === 0) throw new OutOfStock('There are not that many left.');
    await client.query('INSERT INTO orders (product_id, quantity) VALUES ($1, $2)', [product, quantity]);
  });
}
