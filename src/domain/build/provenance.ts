/** Of which form a statement is, and what it tells beside what it must. */
export interface ProvenanceOptions {
  /** `max` also tells the build arguments, labels, steps and the Dockerfile. */
  mode: 'min' | 'max';
  /** Of SLSA's predicate; absent: v0.2. */
  version?: 'v0.2' | 'v1';
  /** Names who built. */
  builderId?: string;
  /** Whoever asked says that another build gives the same. */
  reproducible?: boolean;
  /** Only into what holds it without being asked: images here, not archives and folders. */
  inlineOnly?: boolean;
}

export interface Material {
  /** A package URL. */
  uri: string;
  digest: { sha256: string };
}

export interface ProvenanceStep {
  id: string;
  /** `[builder 2/5] RUN make` */
  name: string;
  /** Ids of the steps that it stands on or takes files of. */
  inputs: string[];
  /** Of the Dockerfile, counted from 1. */
  line?: number;
}

/** What is known of a build that is done. Never a secret. */
export interface BuildFacts {
  /** Where the context came from, without credentials; absent for a folder. */
  uri?: string;
  dockerfile: { name: string; base64: string };
  /** Options in the words of BuildKit's frontend: `target`, `build-arg:NAME`, `label:NAME`. */
  args: Record<string, string>;
  /** Of the machine: `linux/amd64`. */
  machine: string;
  materials: Material[];
  steps: ProvenanceStep[];
  invocationId: string;
  /** RFC 3339. */
  started: string;
  finished: string;
}

export const provenanceTypes = {
  'v0.2': 'https://slsa.dev/provenance/v0.2',
  v1: 'https://slsa.dev/provenance/v1',
} as const;

const buildType = 'https://mobyproject.org/buildkit@v1';
const definitionType = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md';
const told = /^(?:build-arg|label):/;

/** SLSA's predicate in the form that BuildKit gives it (docs/attestations/slsa-provenance.md), ready for JSON. */
export function provenanceOf(facts: BuildFacts, options: ProvenanceOptions): object {
  return options.version === 'v1' ? provenance1(facts, options) : provenance02(facts, options);
}

function provenance02(facts: BuildFacts, options: ProvenanceOptions): object {
  const isMax = options.mode === 'max';
  return {
    builder: { id: options.builderId ?? '' },
    buildType,
    materials: facts.materials,
    invocation: {
      configSource: configSource(facts, 'entryPoint'),
      parameters: parameters(facts, isMax),
      environment: { platform: facts.machine },
    },
    ...(isMax && { buildConfig: { steps: facts.steps } }),
    metadata: {
      buildInvocationID: facts.invocationId,
      buildStartedOn: facts.started,
      buildFinishedOn: facts.finished,
      completeness: {
        parameters: isComplete(facts, isMax),
        environment: true,
        // What is in the context, and what RUN fetches, is not told.
        materials: false,
      },
      reproducible: options.reproducible ?? false,
      [`${buildType}#metadata`]: isMax ? { source: sourceOf(facts) } : {},
    },
  };
}

function provenance1(facts: BuildFacts, options: ProvenanceOptions): object {
  const isMax = options.mode === 'max';
  return {
    buildDefinition: {
      buildType: definitionType,
      externalParameters: {
        configSource: configSource(facts, 'path'),
        request: parameters(facts, isMax),
      },
      internalParameters: {
        builderPlatform: facts.machine,
        ...(isMax && { buildConfig: { steps: facts.steps } }),
      },
      resolvedDependencies: facts.materials,
    },
    runDetails: {
      builder: { id: options.builderId ?? '' },
      metadata: {
        invocationID: facts.invocationId,
        startedOn: facts.started,
        finishedOn: facts.finished,
        buildkit_metadata: isMax ? { source: sourceOf(facts) } : {},
        buildkit_completeness: { request: isComplete(facts, isMax), resolvedDependencies: false },
        buildkit_reproducible: options.reproducible ?? false,
      },
    },
  };
}

function configSource({ uri, dockerfile }: BuildFacts, entry: 'entryPoint' | 'path'): object {
  return { ...(uri !== undefined && { uri }), [entry]: dockerfile.name };
}

function parameters({ uri, args }: BuildFacts, isMax: boolean): object {
  const shown = Object.entries(args).filter(([name]) => isMax || !told.test(name));
  return {
    frontend: 'dockerfile.v0',
    args: Object.fromEntries(shown),
    ...(uri === undefined && { locals: [{ name: 'context' }, { name: 'dockerfile' }] }),
  };
}

function isComplete({ args }: BuildFacts, isMax: boolean): boolean {
  return isMax || !Object.keys(args).some((name) => told.test(name));
}

/** The Dockerfile, and which line each step is of. */
function sourceOf({ dockerfile, steps }: BuildFacts): object {
  const locations = steps.flatMap(({ id, line }) =>
    line === undefined
      ? []
      : [[id, { locations: [{ ranges: [{ start: { line }, end: { line } }] }] }] as const],
  );
  return {
    locations: Object.fromEntries(locations),
    infos: [{ filename: dockerfile.name, language: 'Dockerfile', data: dockerfile.base64 }],
  };
}
