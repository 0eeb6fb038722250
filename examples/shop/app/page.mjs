const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => entities[character]);
const price = (cents) => `${(cents / 100).toFixed(2)} €`;

const productHtml = ({ id, name, price_cents: cents, stock }) => `<li>
  <b>${escape(name)}</b> ${price(cents)}, ${stock} in stock
  <form method="post" action="/orders">
    <input type="hidden" name="product" value="${id}">
    <input type="number" name="quantity" value="1" min="1" max="10" aria-label="Pieces">
    <button>Order</button>
  </form>
</li>`;

const orderHtml = ({ id, name, quantity, state, packed_by: by }) =>
  `<li>Order ${id}: ${quantity} × ${escape(name)}, ${state}${by === null ? '' : ` by ${escape(by)}`}</li>`;

/** The whole page, for what `readShop` gives. */
export function pageHtml({ products, orders }) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tea shop</title>
<link rel="stylesheet" href="/shop.css">
<h1>Tea shop</h1>
<ul>${products.map(productHtml).join('\n')}</ul>
<h2>Orders</h2>
<ul>${orders.map(orderHtml).join('\n')}</ul>
</html>
`;
}
