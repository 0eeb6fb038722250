import { composeSchema } from './schema.ts';
import { schemaKeys } from './schema-keys.ts';
import { refused, support, type Support } from './support.ts';

const titles: readonly (readonly [title: string, belongs: RegExp])[] = [
  ['Top of the file', /^(?:version|name|include|models|jobs)\b|^[a-z]+$/],
  ['Build', /^services\.\*\.build\b/],
  ['Deploy', /^services\.\*\.deploy\b/],
  ['Services', /^services\b/],
  ['Networks', /^networks\b/],
  ['Volumes', /^volumes\b/],
  ['Secrets', /^secrets\b/],
  ['Configs', /^configs\b/],
];

/** What Berth does with every key of the specification, as tables in Markdown. */
export function supportTable(): string {
  const rows = [...schemaKeys(composeSchema)].filter((key) => !isCovered(key)).sort();
  const left = new Set(rows);
  return titles
    .map(([title, belongs]) => {
      const mine = rows.filter((key) => left.has(key) && belongs.test(key));
      for (const key of mine) left.delete(key);
      const lines = mine.map((key) => `| \`${key}\` | ${words(support[key])} |`);
      return `### ${title}\n\n| key | what becomes of it |\n| --- | --- |\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

/** A key that is not honoured stands for everything below it. */
function isCovered(key: string): boolean {
  const ancestors = [...key.matchAll(/\.|\[\]/g)].map((cut) => key.slice(0, cut.index));
  return ancestors.some((one) => typeof support[one] === 'string');
}

function words(state: Support | undefined): string {
  if (state === refused) return '**refused** with an error';
  return typeof state === 'string' ? `not honoured: ${state}` : 'honoured';
}
