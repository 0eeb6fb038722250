// Joins the program's modules, libraries included, into few files: bundle.ts FOLDER. The launcher calls it and names
// the folder; docs/decisions/bundle-at-first-run.md says why.
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const project = dirname(import.meta.dirname);
const sources = join(project, 'src');

/** A script of a worker thread as its starter names it. Each becomes a file of its own beside all others. */
const workerUrl = /new URL\('\.\/([\w-]+)\.ts', import\.meta\.url\)/g;
/** Any other file, named from where the source is. */
const fileUrl = /new URL\('(\.\.\/[^']+)', import\.meta\.url\)/g;

function workers(): string[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(sources, file))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(workerUrl)].map(([, name]) =>
        join(dirname(file), `${name ?? ''}.ts`),
      ),
    );
}

const urls: Plugin = {
  name: 'urls',
  setup(building) {
    building.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const contents = text
        .replaceAll(workerUrl, (_all, name: string) => `new URL('./${name}.js', import.meta.url)`)
        .replaceAll(fileUrl, (_all, file: string) => `new URL('${new URL(file, pathToFileURL(path)).href}')`);
      return { contents, loader: 'ts' };
    });
  },
};

/**
 * Whoever imports `node:http` has all its exports looked at, so also those for which Node loads a whole HTTP client of its own
 * (15 MB) when somebody looks. Nobody here wants them.
 */
const costly = ['WebSocket', 'CloseEvent', 'MessageEvent'];

const http: Plugin = {
  name: 'http',
  setup(building) {
    building.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'node:http', namespace: 'lean' } : undefined,
    );
    building.onLoad({ filter: /.*/, namespace: 'lean' }, async ({ path }) => {
      const names = Object.keys(await import('node:http')).filter((name) => !costly.includes(name));
      const shown = names.filter((name) => name !== 'default').join(', ');
      const contents = `const http = process.getBuiltinModule('${path}'); export default http; export const { ${shown} } = http;`;
      return { contents };
    });
  },
};

/** V8 keeps a text with one character beyond Latin 1 in twice the memory; esbuild leaves them in regular expressions. */
function escaped(text: string): string {
  return text.replaceAll(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The one library that cannot be joined: it finds its compiled half, a package of this scope, beside itself. */
const native = 'koffi';
const nativeScope = '@koromix';

/** A copy, since npm may take the original away while a daemon has yet to start a thread that loads it. */
function copyNative(folder: string): void {
  for (const name of [native, nativeScope])
    cpSync(join(project, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: (file) => /\.(c?js|json|node)$/.test(file) || statSync(file).isDirectory(),
    });
}

async function bundle(folder: string): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: project,
    entryPoints: [join(sources, 'main/berth.ts'), ...workers()],
    entryNames: '[name]',
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    // Identifiers stay, for the traces in the daemon's log.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: [native],
    banner: { js: `import{createRequire}from'node:module';const require=createRequire(import.meta.url);` },
    plugins: [urls, http],
    write: false,
    logLevel: 'error',
  });
  for (const { path, text } of outputFiles) writeFileSync(join(folder, basename(path)), escaped(text));
  copyNative(folder);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('give the folder to write into');
await bundle(folder);
