import type { BaseName } from './base-name.ts';
import { catalogueEntry } from './recipes/catalogue.ts';
import { packageRecipe } from './recipes/packages.ts';
import { app, plain, type Account, type Extra, type Finishing, type Recipe } from './recipes/recipe.ts';
import { scriptOnly, shapes, standInsOf } from './recipes/shapes.ts';

/** What an image is to hold, and how it runs. */
export interface BaseContents {
  /** What apt is asked to install, sorted; what they depend on comes with them. */
  wanted: string[];
  /** What apt is told is installed already, sorted. */
  standIns: string[];
  /** Whether the files of apt and dpkg stay. */
  keepsManager: boolean;
  accounts: Account[];
  extras: Extra[];
  finishing: Finishing[];
  recipe: Pick<Recipe, 'user' | 'config' | 'environment'>;
}

/** Asked for as a whole: then its parts must be real. */
const packageManagers = ['apt', 'dpkg', 'aptitude'];

export function contentsOf({ entry: name, packages }: Pick<BaseName, 'entry' | 'packages'>): BaseContents {
  const entry = name === undefined ? undefined : catalogueEntry(name);
  const requested = [...(entry?.packages ?? []), ...packages];
  const shape = entry?.shape ?? 'full';
  const wanted = [...new Set([...shapes[shape], ...requested])].sort();
  const keepsManager = requested.some((one) => packageManagers.includes(one));
  const standIns = keepsManager ? [] : [...scriptOnly, ...standInsOf[shape], ...(entry?.standIns ?? [])];
  const known = packages.flatMap((one) => packageRecipe(one) ?? []);
  const recipes = entry === undefined ? known : [entry.recipe, ...known];
  const recipe = recipes[0] ?? plain('sh');
  return {
    wanted,
    standIns: standIns.filter((one) => !wanted.includes(one)).sort(),
    keepsManager,
    accounts: accountsOf(recipes),
    extras: recipes.flatMap(({ extras }) => extras),
    finishing: recipes.flatMap(({ finishing = [] }) => finishing),
    recipe,
  };
}

/** `app` and the users of the recipes, in an order that does not depend on that of the packages. */
function accountsOf(recipes: readonly Recipe[]): Account[] {
  const users = recipes.map(({ user }) => user).sort((a, b) => (a.name < b.name ? -1 : 1));
  const all = [app, ...users];
  return all.filter((account, i) => all.findIndex((other) => other.name === account.name) === i);
}
