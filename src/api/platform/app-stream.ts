import type { Socket } from 'node:net';
import { messageOf } from '#base/errors.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { errorResponse } from '#api/errors.ts';
import { linesOf } from '#api/streams.ts';
import type { AppStreamEvent } from '#api/types/apps.ts';

/** What the routes that change apps need. */
export interface AppRouteParts {
  apps: Apps;
  /** Who is at the other end of a connection, for the history. */
  callerOf: (socket: Socket) => string;
}

/** Seconds that a service may take to become healthy, unless a request says so itself. */
export const patience = 300;

type ErrorEvent = { type: 'error'; code: string; message: string; hint?: string };

/**
 * The events of a change as lines. What goes wrong before the first is an ordinary error response; after
 * that it is the last line.
 */
export async function* events<E extends { type: string } = AppStreamEvent>(
  work: (emit: (event: E) => void) => Promise<void>,
): AsyncGenerator<E | ErrorEvent> {
  let began = false;
  try {
    for await (const event of linesOf<E>(work)) {
      began = true;
      yield event;
    }
  } catch (error) {
    if (!began) throw error;
    const { code = 'internal', hint } = errorResponse(error).body;
    const last = { type: 'error', code, message: messageOf(error) } as const;
    yield hint === undefined ? last : { ...last, hint };
  }
}
