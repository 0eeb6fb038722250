import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './go.ts';

const root = join(import.meta.dirname, '..', '..');

/** Dockerfiles of BuildKit's tests and of ours, good and bad. */
export async function corpus(): Promise<string[]> {
  const module = await buildkit();
  const folders = [
    join(module, 'frontend/dockerfile/parser/testfiles'),
    join(module, 'frontend/dockerfile/parser/testfiles-negative'),
    join(root, 'test/golden/dockerfile'),
  ];
  const found = await Promise.all(folders.map(dockerfilesBelow));
  return found.flat();
}

async function dockerfilesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith('/Dockerfile'));
  return Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
}

/** The words of BuildKit's table of expansions, and more. */
export async function corpusWords(): Promise<[word: string, escape: string][]> {
  const tables = ['envVarTest', 'wordsTest'].map((name) => join('frontend/dockerfile/shell', name));
  const module = await buildkit();
  const texts = await Promise.all(tables.map((name) => readFile(join(module, name), 'utf8')));
  const lines = texts
    .join('\n')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  // `A|hello $PWD|  hello /home`
  const fromTables = lines.flatMap((line) => line.split('|').slice(0, 2)).map((word) => word.trim());
  return fromTables.flatMap((word): [string, string][] => [
    [word, '\\'],
    [word, '`'],
  ]);
}

async function buildkit(): Promise<string> {
  return (await must(['list', '-m', '-f', '{{.Dir}}', 'github.com/moby/buildkit'])).trim();
}

const table: Record<string, string[]> = {
  '**': ['file', 'file/', 'dir/file'],
  '**/': ['file', 'dir/file'],
  '**/**': ['dir/file', 'dir/dir/file'],
  'dir/**': ['dir', 'dir/file', 'dir/dir2/file', 'other/dir/file'],
  '**/dir2/*': ['dir/dir2/file', 'dir/dir2/dir2/file', 'dir2/file', 'dir2'],
  '**file': ['file', 'dir/file', 'dir/dir/file', 'dir/filex'],
  '**/file': ['file', 'dir/file', 'dir/otherfile'],
  '**/*.txt': ['a.txt', 'd/a.txt', 'd/a.txt.old'],
  'a**/*.txt': ['a.txt', 'ab/c.txt', 'ab/c/d.txt', 'b/a.txt', 'a/file/dir/file.txt'],
  'a/*.txt': ['a/f.txt', 'a/b/f.txt'],
  'a[b-d]e': ['ae', 'ace', 'aae'],
  'abc\\[x': ['abc[x'],
  '[a-]': ['a', '-'],
  '[\\]a]': [']', 'a'],
  '[x-]': ['x', '-', 'z'],
  '[': ['a'],
  '[^': ['a'],
  '[^bc': ['a'],
  'a\\': ['a'],
  'a.|)$(}+{bc': ['a.|)$(}+{bc'],
  'dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl': [
    'dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl',
  ],
  'dist/*.whl': ['dist/x+y.whl'],
  '*\n!a': ['a', 'a/b', 'b'],
  '!a\n*': ['a'],
  '!\na': ['a'],
  '! a\na': ['a'],
  '/a/\nb/': ['a/x', 'b/x', 'c'],
  '.': ['a'],
  './\n': ['a'],
  '../a': ['a'],
  '\\#a\n#b': ['#a', '#b'],
  '\uFEFF#a\nb': ['#a', 'b'],
  'a \n\tb\t': ['a', 'b'],
  'a/../b': ['b', 'a'],
  'docs\n!docs/README.md\ndocs/README.md/x': ['docs/a', 'docs/README.md', 'docs/README.md/x'],
  '*.md\n!README*.md\nREADME-secret.md': ['a.md', 'README.md', 'README-secret.md'],
  'a\r\nb\r\n': ['a', 'b'],
};

/** .dockerignore files and paths to ask about. */
export const ignoreTable: [patterns: string, paths: string[]][] = Object.entries(table);
