import type { AppStreamEvent } from '#api/types/apps.ts';
import type { Output } from '#cli/output.ts';
import { JsonRenderer } from './json.ts';
import { PlainRenderer } from './plain.ts';
import { TerminalRenderer } from './terminal.ts';

/** Shows a change of an app while it happens. */
export interface Renderer {
  show(event: AppStreamEvent): void;
  /** Leaves the screen in order, also after an error. Idempotent. */
  close(): void;
}

export function rendererFor(output: Output): Renderer {
  if (output.isJson) return new JsonRenderer(output);
  return output.isLive ? new TerminalRenderer(output) : new PlainRenderer(output);
}
