CREATE TABLE products (
  id integer PRIMARY KEY,
  name text NOT NULL,
  price_cents integer NOT NULL CHECK (price_cents > 0),
  stock integer NOT NULL CHECK (stock >= 0)
);

INSERT INTO products VALUES
  (1, 'Tea pot', 3900, 20),
  (2, 'Tea cup', 1200, 100),
  (3, 'Green tea, 100 g', 850, 200);

-- Orders are the queue too: a worker takes those that are placed, oldest first.
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_id integer NOT NULL REFERENCES products,
  quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 10),
  state text NOT NULL DEFAULT 'placed' CHECK (state IN ('placed', 'packed')),
  placed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_to_pack ON orders (id) WHERE state = 'placed';
