ALTER TABLE orders ADD COLUMN packed_by text;
