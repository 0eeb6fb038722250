import { readFileSync } from 'node:fs';

const parse: (text: string) => { version: string } = JSON.parse;
const manifest = parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Which Berth this is. */
export const release = { version: manifest.version, commit: '', built: '' };
