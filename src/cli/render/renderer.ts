import type { AppStreamEvent } from '#api/types/apps.ts';
import { JsonRenderer } from './json.ts';
import { PlainRenderer } from './plain.ts';
import type { Screen } from './screen.ts';
import { TerminalRenderer } from './terminal.ts';

/** Shows a change of an app while it happens. */
export interface Renderer {
  show(event: AppStreamEvent): void;
  /** Leaves the screen in order, also after an error. Idempotent. */
  close(): void;
}

export function rendererFor(screen: Screen, options: { json: boolean }): Renderer {
  if (options.json) return new JsonRenderer(screen);
  return screen.isTerminal ? new TerminalRenderer(screen) : new PlainRenderer(screen);
}
