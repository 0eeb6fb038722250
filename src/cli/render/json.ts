import type { AppStreamEvent } from '#api/types/apps.ts';
import type { Output } from '#cli/output.ts';

/** Every event as it came, one a line. */
export class JsonRenderer {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  show(event: AppStreamEvent): void {
    this.#output.json(event);
  }

  close(): void {
    // Each line is complete already.
  }
}
