// The roles that ROLES may name, and which of them are started.
import { expect, it } from 'vitest';
import { readEnv, roleNames } from '../../../stack/env.mjs';
import { planPorts } from '../../../stack/run/plan.mjs';
import { isBuilt } from '../../../stack/run/roles.mjs';

it('may name the sandbox, which is not built yet and has no port', async () => {
  const { values: settings, problems } = readEnv({ ROLES: 'sandbox', OPS_PORT: '1' });
  expect(problems).toEqual([]);
  expect(settings.roles).toEqual(['sandbox']);
  expect(isBuilt('sandbox')).toBe(false);
  expect(roleNames).not.toContain('sandbox');
  await expect(planPorts(settings, 'env', ['sandbox'])).resolves.toMatchObject({ ops: 1 });
});

it('refuses a role that nobody knows, by its name', () => {
  const { problems } = readEnv({ ROLES: 'api,barker' });
  expect(problems).toEqual([expect.stringMatching(/^ROLES: .*barker.* sandbox/)]);
});
