import { two } from '../adapters/two/two.ts';
export const found = two;
