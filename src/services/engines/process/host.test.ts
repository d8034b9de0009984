// The host of real processes keeps the promises of the port.

import { replicaHostConformance } from '../../../../test/conformance/replica-host.ts'
import { openProcessBed } from '../../../../test/support/process-bed.ts'

replicaHostConformance('the process host', openProcessBed)
