import { invalid } from '#base/errors.ts';
import type { IngressSettings } from './model.ts';

/** Nobody can agree to an authority's terms but the person. @throws invalid `acme-terms` */
export function requireTerms({ agree, directory }: IngressSettings['acme']): void {
  if (agree) return;
  throw invalid(
    'acme-terms',
    `a certificate by ACME is wanted, but nobody agreed to the terms of ${directory}`,
    {
      hint:
        'read them and set ingress.acme.agree = true, with ingress.acme.email for warnings; or take a certificate of ' +
        "this machine's own authority (tls: internal of an app, --tls local of the registry)",
    },
  );
}
