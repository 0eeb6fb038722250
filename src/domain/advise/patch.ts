import { createTwoFilesPatch } from 'diff';
import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from 'yaml';
import type { Advice } from './advice.ts';

/** Keys that older files have instead of those below `deploy.resources`. */
const shortKeys: Readonly<Record<Advice['key'], string>> = {
  'limits.memory': 'mem_limit',
  'limits.cpus': 'cpus',
  'limits.pids': 'pids_limit',
  'reservations.memory': 'mem_reservation',
};

/** Whether a compose file says something of a service. */
export function definesService(text: string, service: string): boolean {
  return serviceOf(text, service) !== undefined;
}

/**
 * The text of a compose file in which a service follows the advice; all else stays as it is, comments and all.
 * `missed`: what cannot be written, since it is a variable, an alias or an anchor's.
 */
export function withAdvice(
  text: string,
  service: string,
  advice: readonly Advice[],
): { text: string; missed: Advice[] } {
  const missed: Advice[] = [];
  let changed = text;
  for (const one of advice) {
    const next = withOne(changed, service, one);
    if (next === undefined) missed.push(one);
    else changed = next;
  }
  return { text: changed, missed };
}

/** A unified diff as `git apply` and `patch -p1` take it; '' when nothing changed. */
export function patchOf(path: string, before: string, after: string): string {
  if (before === after) return '';
  return createTwoFilesPatch(`a/${path}`, `b/${path}`, before, after, undefined, undefined, {
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  });
}

function serviceOf(text: string, service: string): YAMLMap | undefined {
  const found = parseDocument(text).getIn(['services', service], true);
  return isMap(found) ? found : undefined;
}

function withOne(text: string, service: string, { key, value }: Advice): string | undefined {
  const map = serviceOf(text, service);
  if (map === undefined) return undefined;
  if (map.has(shortKeys[key])) return replaced(text, map, shortKeys[key], value);
  return placed(text, map, ['deploy', 'resources', ...key.split('.')], value);
}

function placed(text: string, map: YAMLMap, path: readonly string[], value: string): string | undefined {
  const [key = '', ...rest] = path;
  if (!map.has(key)) return inserted(text, map, path, value);
  if (rest.length === 0) return replaced(text, map, key, value);
  const inner = map.get(key, true);
  return isMap(inner) ? placed(text, inner, rest, value) : undefined;
}

function replaced(text: string, map: YAMLMap, key: string, value: string): string | undefined {
  const scalar = map.get(key, true);
  const range = isScalar(scalar) ? scalar.range : undefined;
  if (!range || text.slice(range[0], range[1]).includes('$')) return undefined;
  return text.slice(0, range[0]) + written(key, value) + text.slice(range[1]);
}

/** As the last entry of the map, with a map for each key of the path but the last. */
function inserted(text: string, map: YAMLMap, path: readonly string[], value: string): string | undefined {
  const end = endOf(map.items.at(-1));
  const start = startOf(map.items[0]);
  if (end === undefined || start === undefined) return undefined;
  if (map.flow === true) {
    const entry = path.reduceRight(
      (inner, key, index) => {
        const is = index === path.length - 1 ? inner : `{ ${inner} }`;
        return `${key}: ${is}`;
      },
      written(path.at(-1) ?? '', value),
    );
    return `${text.slice(0, end)}, ${entry}${text.slice(end)}`;
  }
  const indent = ' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1));
  const lines = path.map((key, depth) => {
    const is = depth === path.length - 1 ? ` ${written(key, value)}` : '';
    return `${indent}${'  '.repeat(depth)}${key}:${is}\n`;
  });
  const at = lineEnd(text, end);
  const gap = at > 0 && text[at - 1] !== '\n' ? '\n' : '';
  return text.slice(0, at) + gap + lines.join('') + text.slice(at);
}

/** Compose wants a text for cores in `deploy`. */
function written(key: string, value: string): string {
  return key === 'cpus' ? `"${value}"` : value;
}

function startOf(pair: Pair | undefined): number | undefined {
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}

function endOf(pair: Pair | undefined): number | undefined {
  if (pair === undefined) return undefined;
  const { key, value } = pair;
  const range =
    (isScalar(value) || isMap(value) ? value.range : rangeOf(value)) ??
    (isScalar(key) ? key.range : undefined);
  return range?.[1];
}

function rangeOf(value: unknown): readonly number[] | undefined {
  if (typeof value !== 'object' || value === null || !('range' in value)) return undefined;
  return Array.isArray(value.range) ? value.range : undefined;
}

/** The beginning of the next line: after a block text there is one already. */
function lineEnd(text: string, at: number): number {
  if (text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}
