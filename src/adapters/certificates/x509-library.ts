import * as x509 from '@peculiar/x509';

// In a module of its own, loaded when it is needed: joined into one file, the library itself could not be
// imported so late by its names.
export { x509 };
