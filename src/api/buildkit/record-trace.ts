import { createHash } from 'node:crypto';
import type { BuildVertex, SolveRecord } from '#engine/contracts.ts';
import { buildkitWords } from '#api/buildkit/failure.ts';

/**
 * When a build and each of its steps began and ended, as spans of OpenTelemetry (BuildKit's util/tracing/otlptracegrpc keeps
 * the Go SDK's SpanStub, one JSON object after another): the steps are what the build consists of, linked to those that they use.
 * @param vertices as they were told last
 */
export function traceOf(record: SolveRecord, vertices: readonly BuildVertex[]): Buffer {
  const { ref, frontend, created, completed = created, failure } = record;
  const trace = idOf(32, ref);
  const root = contextOf(trace, idOf(16, ref));
  const steps = vertices.flatMap(({ started, ...vertex }) => {
    if (started === undefined) return [];
    const { name, digest, cached, inputs, error = '' } = vertex;
    return [
      {
        ...spanOf(name, contextOf(trace, idOf(16, `${ref} ${digest}`)), root),
        ...lasting(started, vertex.completed ?? completed),
        Attributes: [textAttribute('vertex', digest), boolAttribute('cached', cached)],
        Links: inputs.map((input) => ({
          SpanContext: contextOf(trace, idOf(16, `${ref} ${input}`)),
          Attributes: [],
        })),
        Status: statusOf(error),
      },
    ];
  });
  const whole = {
    ...spanOf('moby.buildkit.v1.Control/Solve', root, contextOf(trace, '0'.repeat(16))),
    ...lasting(created, completed),
    Attributes: [textAttribute('ref', ref), textAttribute('frontend', frontend)],
    Links: [],
    Status: statusOf(failure?.message ?? ''),
    ChildSpanCount: steps.length,
  };
  return Buffer.from([whole, ...steps].map((span) => `${JSON.stringify(span)}\n`).join(''));
}

/** What all spans have. */
function spanOf(name: string, context: object, parent: object): Record<string, unknown> {
  return {
    ...{
      Name: name,
      SpanContext: context,
      Parent: parent,
      SpanKind: internalSpan,
      Events: [],
      ChildSpanCount: 0,
    },
    Resource: [textAttribute('service.name', 'berth')],
    InstrumentationLibrary: { Name: 'berth', Version: '', SchemaURL: '' },
  };
}

/** As OpenTelemetry's Go API counts the kinds. */
const internalSpan = 1;

function contextOf(trace: string, span: string): object {
  return { TraceID: trace, SpanID: span, TraceFlags: '01', TraceState: '', Remote: false };
}

/** @param digits in hexadecimal */
function idOf(digits: number, of: string): string {
  return createHash('sha256').update(of).digest('hex').slice(0, digits);
}

/** In milliseconds since 1970. */
function lasting(started: number, completed: number): object {
  return { StartTime: new Date(started).toISOString(), EndTime: new Date(completed).toISOString() };
}

function textAttribute(name: string, value: string): object {
  return { Key: name, Value: { Type: 'STRING', Value: value } };
}

function boolAttribute(name: string, value: boolean): object {
  return { Key: name, Value: { Type: 'BOOL', Value: value } };
}

function statusOf(error: string): object {
  if (error === '') return { Code: 'Unset', Description: '' };
  return { Code: 'Error', Description: buildkitWords(error) };
}
