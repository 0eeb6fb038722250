import type { EngineEvent, EventType } from '#domain/event/event.ts';

export interface Events {
  emit(type: EventType, action: string, id: string, attributes?: Record<string, string>): void;
  /** Past events (bounded, kept in memory) and, unless `until` is past, those to come. Times are RFC 3339. */
  read(query: { since?: string; until?: string; signal: AbortSignal }): AsyncIterable<EngineEvent>;
}
