// MariaDB keeps the promises of a member's engine, as installed.

import { databaseMemberConformance } from '../conformance/database-member.ts'
import { mariadb } from './mariadb-member.ts'

databaseMemberConformance(mariadb)
