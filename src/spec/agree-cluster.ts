// Do the doors of the file leave room for what the machines agree through?

import { overlap } from './agree.ts'
import type { Spec } from './model.ts'
import type { Site } from './site.ts'
import type { Path } from './tree.ts'

/** Reports frontends that listen where a server of the ensemble does. */
export function agreeOnEnsemble({ coordination, frontends }: Spec, site: Site): void {
  if (coordination.kind !== 'managed') return
  const path: Path = ['coordination']
  const servers = coordination.members.flatMap(({ name, address }) =>
    Object.entries(coordination.ports).map(([kind, port]) => ({
      ...{ name, kind, path, port },
      host: address,
    })),
  )
  for (const frontend of Object.values(frontends)) {
    const at = ['frontends', frontend.name, 'bind']
    for (const bind of frontend.binds) {
      const taken = servers.find((server) => overlap({ ...bind, path: at }, server))
      if (taken === undefined) continue
      site.fault(
        at,
        `port ${bind.port} is taken: the ensemble’s server on \`${taken.name}\` listens there`,
        `give the frontend another port, or the ensemble: \`ports: { ${taken.kind}: … }\``,
      )
    }
  }
}
