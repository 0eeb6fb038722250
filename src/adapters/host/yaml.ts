// A module of our own, so that the joined program, too, can load the parser with its names at the first need.
export { parse } from 'yaml';
