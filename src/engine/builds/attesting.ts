import { dockerPackageUrl } from '#domain/image/docker-purl.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { Image } from '#domain/image/image.ts';
import { frontendAttributes } from '#domain/build/arguments.ts';
import type { BuildPlan } from '#domain/build/plan.ts';
import {
  provenanceOf,
  provenanceTypes,
  type BuildFacts,
  type Material,
  type ProvenanceStep,
} from '#domain/build/provenance.ts';
import { plannedVertices } from '#domain/build/vertices.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { predicateTypes, sbomOf } from '#domain/sbom/sbom.ts';
import type { BuildRequest, Predicate } from '#engine/contracts.ts';
import type { BuildResult } from '#engine/builds/cache-export.ts';
import { machinePlatform } from '#engine/builds/image-sources.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Vertex, Vertices } from '#engine/builds/vertices.ts';
import { newId } from '#base/ids.ts';
import { unsupported } from '#base/errors.ts';

type AttestingParts = Pick<BuildParts, 'clock' | 'host' | 'images' | 'inventories' | 'version'>;

function isAttested({ attest }: BuildRequest): boolean {
  return attest?.provenance !== undefined || attest?.sbom === true;
}

/** What is attested only where nobody has to be asked: buildx wants that by default. */
export function isInlineOnly({ attest }: BuildRequest): boolean {
  return attest?.sbom !== true && attest?.provenance?.inlineOnly === true;
}

/**
 * Only an index holds statements beside an image.
 * @throws unsupported `build-option-unsupported`
 */
export function checkAttestations(request: BuildRequest): void {
  if (!isAttested(request) || isInlineOnly(request)) return;
  for (const { kind } of request.outputs ?? [])
    if (kind !== 'oci' && kind !== 'image')
      throw unsupported('build-option-unsupported', `attestations in the output '${kind}' are not offered`, {
        hint: 'an image, or --output type=oci,dest=FILE, holds them',
      });
}

/** What is attested of the image of a build: the same for the same build, where its time is set. */
export async function predicatesOf(
  parts: AttestingParts,
  request: BuildRequest,
  result: BuildResult,
  vertices: Vertices,
): Promise<Predicate[]> {
  const { provenance, sbom } = request.attest ?? {};
  const generating = sbom === true ? vertices.add('generating sbom') : undefined;
  return [
    ...(generating === undefined
      ? []
      : [await generating.run(() => billOf(parts, request, result.image, generating))]),
    ...(provenance === undefined
      ? []
      : [
          {
            type: provenanceTypes[provenance.version ?? 'v0.2'],
            content: provenanceOf(factsOf(parts, request, result), provenance),
          },
        ]),
  ];
}

async function billOf(
  { inventories, version }: AttestingParts,
  request: BuildRequest,
  image: Image,
  vertex: Vertex,
): Promise<Predicate> {
  const found = await inventories.of(image);
  if (found === undefined)
    await vertex.note('the image has no package database of dpkg or apk: its bill of materials is empty');
  const inventory: Inventory = found ?? {
    ...{ kind: 'deb', distribution: '', suite: '', release: '', packages: [] },
  };
  const [name = 'image'] = [...request.tags, ...pushedNames(request)];
  const { created = '1970-01-01T00:00:00Z' } = image.config;
  const subject = { name, digest: image.manifestDigest, created, toolVersion: version };
  return { type: predicateTypes.spdx, content: sbomOf('spdx', subject, inventory) };
}

function pushedNames({ outputs = [] }: BuildRequest): string[] {
  return outputs.flatMap((output) => ('names' in output ? output.names : []));
}

function factsOf(
  parts: AttestingParts,
  request: BuildRequest,
  { image, plan, origin }: BuildResult,
): BuildFacts {
  const { context, sourceDateEpoch: epoch } = request;
  const { name, text } = origin.dockerfile;
  const fixed = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
  return {
    ...('remote' in context && { uri: withoutCredentials(context.remote) }),
    dockerfile: { name, base64: Buffer.from(text).toString('base64') },
    args: argumentsOf(request),
    machine: machinePlatform(parts),
    materials: materialsOf(parts, origin.sources),
    steps: stepsOf(plan),
    invocationId: fixed === undefined ? newId() : image.id.slice('sha256:'.length),
    started: fixed ?? origin.started,
    finished: fixed ?? parts.clock.timestamp(),
  };
}

/** What makes the image what it is, in the words of BuildKit's frontend. */
function argumentsOf(request: BuildRequest): Record<string, string> {
  const { target, networkMode } = request;
  return {
    ...frontendAttributes(request),
    ...(target !== undefined && target !== '' && { target }),
    ...(networkMode !== undefined && { 'force-network-mode': networkMode }),
  };
}

function materialsOf(parts: AttestingParts, sources: ReadonlyMap<string, Image>): Material[] {
  const found = [...sources].map(([reference, image]) => {
    const { os, architecture, variant } = image.config;
    const platform = [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
    const sha256 = digestOf(parts, reference, image).slice('sha256:'.length);
    return { uri: dockerPackageUrl(reference, platform), digest: { sha256 } };
  });
  // Stages run side by side: the order in which they asked is another one each time.
  return found.sort((one, other) => (one.uri < other.uri ? -1 : 1));
}

/** As the registry has it where it came from there. */
function digestOf({ images }: AttestingParts, written: string, image: Image): string {
  const names = [...image.repoDigests, ...(images.index(written)?.names ?? [])];
  const { registry, repository, digest } = parseReference(written);
  const prefix = `${formatReference({ registry, repository })}@`;
  return (
    digest ?? names.find((each) => each.startsWith(prefix))?.slice(prefix.length) ?? image.manifestDigest
  );
}

function stepsOf(plan: BuildPlan): ProvenanceStep[] {
  const steps: ProvenanceStep[] = [];
  const last = new Map<number, string>();
  for (const [place, vertices] of plannedVertices(plan).entries()) {
    const stage = plan.stages[place];
    if (stage === undefined) continue;
    let before = stage.base.kind === 'stage' ? last.get(stage.base.index) : undefined;
    for (const { name, instruction, stages } of vertices) {
      const id = `step${steps.length}`;
      const used = stages.flatMap((index) => last.get(index) ?? []);
      const inputs = [...new Set([...(before === undefined ? [] : [before]), ...used])];
      steps.push({ id, name, inputs, line: (instruction ?? stage.from).at.line });
      before = id;
    }
    if (before !== undefined) last.set(stage.index, before);
  }
  return steps;
}

function withoutCredentials(remote: string): string {
  return remote.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
}
