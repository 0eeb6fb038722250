type Schema = Record<string, unknown>;

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;

/** Every key that a JSON schema knows, by its path with `*` for names and `[]` for items. Own extensions are left out. */
export function schemaKeys(schema: Schema): Set<string> {
  const found = new Set<string>();
  const definitions = isSchema(schema['$defs']) ? schema['$defs'] : {};
  const walk = (node: unknown, path: string, within: readonly string[]): void => {
    if (!isSchema(node)) return;
    const reference = typeof node['$ref'] === 'string' ? node['$ref'].replace('#/$defs/', '') : undefined;
    if (reference !== undefined && !within.includes(reference))
      walk(definitions[reference], path, [...within, reference]);
    for (const word of ['oneOf', 'anyOf', 'allOf']) {
      const branches = node[word];
      if (Array.isArray(branches)) for (const branch of branches) walk(branch, path, within);
    }
    for (const [key, child] of children(node, 'properties')) {
      if (key.startsWith('x-')) continue;
      const here = path === '' ? key : `${path}.${key}`;
      found.add(here);
      walk(child, here, within);
    }
    for (const [pattern, child] of children(node, 'patternProperties'))
      if (pattern !== '^x-') walk(child, `${path}.*`, within);
    walk(node['items'], `${path}[]`, within);
  };
  walk(schema, '', []);
  return found;
}

function children(node: Schema, word: string): [string, unknown][] {
  const value = node[word];
  return isSchema(value) ? Object.entries(value) : [];
}
