import type { Readable } from 'node:stream';
import { ignorePatterns } from '#domain/build/ignore.ts';
import type {
  BuildContextSource,
  BuildRequest,
  FrontendInput,
  FrontendInputs,
  NamedContext,
} from '#engine/contracts.ts';
import { narrated, type Narrator } from '#engine/solves/narration.ts';
import type { FrontendOptions, Origin } from '#engine/solves/attributes.ts';
import type { Layout } from '#engine/solves/oci-layouts.ts';
import type { BuildSession, FileRequest } from '#ports/build-sessions.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import { invalid, unsupported } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { own } from '#base/own.ts';

export interface InputParts {
  trees: FileTrees;
  session: BuildSession;
  /** That which serves a folder: clients have one for several solves of the same files. */
  sessionOf: (folder: string) => Promise<BuildSession>;
  /** The main context, where the request for the build carries it. */
  archive?: Readable;
  /** What the client gave beside its options. */
  inputs: FrontendInputs;
  images: ImageSource;
  narrator: Narrator;
  signal: AbortSignal;
}

/** Images that are made or fetched when a step needs them, by their ids. */
export interface ImageSource {
  ofResult: (result: Extract<FrontendInput, { solve: string }>, platform: string) => Promise<string>;
  ofLayout: (layout: Layout, platform: string) => Promise<string>;
}

/** What the client's session gives to a build. */
export type Inputs = Pick<
  BuildRequest,
  'context' | 'contexts' | 'dockerfile' | 'dockerfileText' | 'ignoreText' | 'secrets' | 'ssh' | 'credentials'
>;

export interface DockerfileText {
  text: string;
  /** Of `NAME.dockerignore` beside it. */
  ignore: string | undefined;
}

/** The client's Dockerfile, where it is not within a remote context. @throws invalid `dockerfile-missing` */
export function readDockerfile(parts: InputParts, options: FrontendOptions): Promise<DockerfileText> {
  const { filename, dockerfileFolder } = options;
  return narrated(parts.narrator, `[internal] load build definition from ${filename}`, async (step) => {
    const wanted = [filename, `${filename}.dockerignore`];
    // Docker takes `dockerfile` too.
    if (filename === 'Dockerfile') wanted.push('dockerfile');
    const files = await readFiles(parts, { name: dockerfileFolder, follow: wanted }, wanted);
    const text = files.get(filename) ?? files.get(wanted[2] ?? '');
    if (text === undefined)
      throw invalid(
        'dockerfile-missing',
        `failed to read dockerfile: open ${filename}: no such file or directory`,
      );
    await step.status('transferring dockerfile:', Buffer.byteLength(text));
    return { text, ignore: files.get(`${filename}.dockerignore`) };
  });
}

/** @throws as `readDockerfile` */
export async function readInputs(parts: InputParts, options: FrontendOptions): Promise<Inputs> {
  const { session, signal } = parts;
  const contexts = await namedContexts(parts, options.contexts);
  const common = {
    ...(Object.keys(contexts).length > 0 && { contexts }),
    ...sharedBy(session, signal),
  };
  if (parts.archive !== undefined)
    return { ...common, context: { tar: parts.archive }, dockerfile: options.filename };
  const place = options.remote ?? givenContext(parts.inputs);
  if (place !== undefined) {
    const apart = options.dockerfileApart ? await readDockerfile(parts, options) : undefined;
    const text = apart === undefined ? {} : { dockerfileText: apart.text };
    return { ...common, ...text, context: remote(parts, place), dockerfile: options.filename };
  }
  const { text, ignore } = await readDockerfile(parts, options);
  const { contextFolder, filename } = options;
  const rules = ignore ?? (await readIgnore(parts, contextFolder, '[internal] load .dockerignore'));
  return {
    ...common,
    context: folder(parts, contextFolder, rules, '[internal] load build context'),
    dockerfile: filename,
    dockerfileText: text,
    ignoreText: rules,
  };
}

/** Where the client gave the main context as an input: for `buildx bake URL`. @throws unsupported `context-unsupported` */
function givenContext({ context }: FrontendInputs): string | undefined {
  if (context === undefined || 'local' in context) return undefined;
  if ('remote' in context) return context.remote;
  throw unsupported('context-unsupported', 'an image as the main context of a build is not offered', {
    hint: 'give it a name: --build-context NAME=docker-image://IMAGE',
  });
}

/** What the client answers for beside its files. */
function sharedBy(
  session: BuildSession,
  signal: AbortSignal,
): Pick<Inputs, 'secrets' | 'ssh' | 'credentials'> {
  return {
    secrets: (id) => session.secret(id, signal),
    ssh: { has: (id) => session.hasAgent(id, signal), connect: (id) => session.agent(id) },
    credentials: (registry) => session.credentials(registry, signal),
  };
}

async function namedContexts(
  parts: InputParts,
  contexts: Readonly<Record<string, Origin>>,
): Promise<Record<string, NamedContext>> {
  const named: Record<string, NamedContext> = {};
  for (const [name, origin] of Object.entries(contexts))
    named[name] = await namedContext(parts, name, origin);
  return named;
}

async function namedContext(parts: InputParts, name: string, origin: Origin): Promise<NamedContext> {
  const { images, inputs } = parts;
  const place = 'input' in origin ? own(inputs, origin.input) : origin;
  if (place === undefined) throw invalid('context-invalid', `invalid input for the named context '${name}'`);
  if ('local' in place) {
    const ignore = await readIgnore(parts, place.local, `[context ${name}] load .dockerignore`);
    return folder(parts, place.local, ignore, `[context ${name}] load from client`);
  }
  if ('layout' in place) {
    const { layout } = place;
    const title = `[context ${name}] OCI load from client`;
    return {
      obtain: (platform) => narrated(parts.narrator, title, () => images.ofLayout(layout, platform)),
    };
  }
  if ('solve' in place) return { obtain: (platform) => images.ofResult(place, platform) };
  return 'remote' in place ? remote(parts, place.remote) : place;
}

function remote({ session, signal }: InputParts, place: string): BuildContextSource {
  if (!/^https?:\/\/buildkit-session\//.test(place)) return { remote: place };
  return { tar: session.upload(new URL(place), signal) };
}

function folder(parts: InputParts, name: string, ignore: string, title: string): BuildContextSource {
  const exclude = ignorePatterns(ignore);
  return {
    fill: (target, signal, follow) =>
      narrated(parts.narrator, title, async (step) => {
        const tell = (bytes: number): void => void step.status('transferring context:', bytes);
        const session = await parts.sessionOf(name);
        const request = { name, exclude, ...(follow !== undefined && { follow }) };
        const received = await session.receive(request, {
          signal: AbortSignal.any([signal, parts.signal]),
          onProgress: ({ bytes }) => tell(bytes),
        });
        await parts.trees.hold(target, received.packed);
        await step.status('transferring context:', received.bytes);
      }),
  };
}

/** Empty when there is none. */
function readIgnore(parts: InputParts, name: string, title: string): Promise<string> {
  return narrated(parts.narrator, title, async () => {
    const path = '.dockerignore';
    const files = await readFiles(parts, { name, follow: [path] }, [path]);
    return files.get(path) ?? '';
  });
}

async function readFiles(
  { trees, sessionOf, signal }: InputParts,
  request: FileRequest,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const id = newId();
  const root = await trees.createFolder(id);
  const found = new Map<string, string>();
  try {
    const session = await sessionOf(request.name);
    await trees.hold(root, (await session.receive(request, { signal })).packed);
    for (const path of paths) {
      const text = await trees.readText({ root, path });
      if (text !== undefined) found.set(path, text);
    }
    return found;
  } finally {
    await trees.removeFolder(id);
  }
}
