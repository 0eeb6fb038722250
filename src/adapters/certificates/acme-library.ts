import * as acme from 'acme-client';

// As x509-library.ts: loaded with the first order.
export { acme };
