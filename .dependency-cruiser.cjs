// The import rules of docs/architecture.md. tsconfig references stop most violations at compile time;
// these rules see what references cannot: sibling adapters, api to ports, cycles, spawning.
const room = (name) => `^src/${name}/`;
const only = (name, allowed) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment: `${name}/ may import only ${allowed.join(', ') || 'nothing'} (docs/architecture.md, section 1)`,
  from: { path: room(name), pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [room(name), ...allowed.map(room)] },
});

module.exports = {
  forbidden: [
    only('base', []),
    only('domain', ['base']),
    only('ports', ['domain', 'base']),
    only('engine', ['ports', 'domain', 'base']),
    only('adapters', ['ports', 'domain', 'base']),
    only('api', ['engine', 'domain', 'base']),
    only('cli', ['api/types', 'base']),
    {
      name: 'sibling-adapters',
      severity: 'error',
      comment:
        'an adapter may import itself, adapters/linux (kernel bindings) and adapters/files, never another adapter',
      from: { path: '^src/adapters/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/adapters/', pathNot: ['^src/adapters/$1/', '^src/adapters/(linux|files)/'] },
    },
    {
      name: 'api-types-are-leaves',
      severity: 'error',
      from: { path: '^src/api/types/' },
      to: { path: '^src/', pathNot: '^src/api/types/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'domain-does-no-io',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(path|path/posix|util|crypto)$' },
    },
    {
      name: 'spawning-only-in-adapters',
      severity: 'error',
      comment: 'processes are started by adapters; the CLI starts the daemon and the host set-up commands',
      from: { path: '^src/', pathNot: ['^src/adapters/', '^src/cli/', '\\.test\\.ts$'] },
      to: { dependencyTypes: ['core'], path: '^(node:)?child_process$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^\\.build'] },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      conditionNames: ['import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
