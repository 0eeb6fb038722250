/** A cache that a build takes from, as `cache_from` of Compose writes it. */
export type CacheSourceOption = { kind: 'registry'; reference: string } | { kind: 'folder'; folder: string };

/** A cache that a build writes, as `cache_to` of Compose writes it. */
export type CacheTargetOption =
  | { kind: 'registry'; reference: string; mode: 'min' | 'max' }
  | { kind: 'folder'; folder: string; mode: 'min' | 'max' }
  | { kind: 'inline' };

/** `type=registry,ref=REFERENCE`, `type=local,src=FOLDER` or a reference alone; undefined for all other forms. */
export function parseCacheSource(text: string): CacheSourceOption | undefined {
  const fields = fieldsOf(text, ['type', 'ref', 'src']);
  const { type = 'registry', ref = '', src = '' } = fields ?? {};
  if (type === 'registry' && ref !== '') return { kind: 'registry', reference: ref };
  return type === 'local' && src !== '' ? { kind: 'folder', folder: src } : undefined;
}

/**
 * `type=registry,ref=REFERENCE`, `type=local,dest=FOLDER`, both with `mode=min` or `mode=max`, `type=inline`, or a
 * reference alone; undefined for all other forms.
 */
export function parseCacheTarget(text: string): CacheTargetOption | undefined {
  const fields = fieldsOf(text, ['type', 'ref', 'dest', 'mode']);
  const { type = 'registry', ref = '', dest = '', mode = 'min' } = fields ?? {};
  if (mode !== 'min' && mode !== 'max') return undefined;
  if (type === 'inline') return { kind: 'inline' };
  if (type === 'registry' && ref !== '') return { kind: 'registry', reference: ref, mode };
  return type === 'local' && dest !== '' ? { kind: 'folder', folder: dest, mode } : undefined;
}

/** A text without `=` is a reference. Undefined where a field is not one of the known. */
function fieldsOf(text: string, known: readonly string[]): Record<string, string> | undefined {
  if (!text.includes('=')) return { ref: text };
  const fields = text.split(',').map((field): [string, string] => {
    const [name = '', ...value] = field.split('=');
    return [name.trim(), value.join('=').trim()];
  });
  return fields.every(([name]) => known.includes(name)) ? Object.fromEntries(fields) : undefined;
}
