import type { AppStreamEvent } from '#api/types/apps.ts';
import type { Screen } from './screen.ts';

/** Every event as it came, one a line. */
export class JsonRenderer {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  show(event: AppStreamEvent): void {
    this.#screen.out(`${JSON.stringify(event)}\n`);
  }

  close(): void {
    // Each line is complete already.
  }
}
