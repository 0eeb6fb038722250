import type { Recipe } from './recipe.ts';
import type { Shape } from './shapes.ts';

/** An image under the name that people know: `debian.berth/python`. */
export interface CatalogueEntry {
  name: string;
  /** One line for people. */
  summary: string;
  packages: readonly string[];
  shape: Shape;
  /** Packages that the others depend on without needing them here. */
  standIns?: readonly string[];
  /** The package whose version is the image's, and a tag. */
  main: RegExp;
  recipe: Recipe;
  /** A command that shows that the image does what it is for, and a pattern of what it prints. */
  proof: { command: readonly string[]; prints: RegExp };
}

/** The authorities that TLS trusts. */
export const certificates = 'ca-certificates';
