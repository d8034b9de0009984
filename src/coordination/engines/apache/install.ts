// Where is Apache ZooKeeper, and how is it started? Debian's package, or an unpacked folder.

import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import { properties } from './zoo-cfg.ts'

/** What can be started. */
export interface Installed {
  readonly java: string
  readonly classPath: string
}

const debianJars = '/usr/share/java'
/** What the manifest of Debian's zookeeper.jar does not pull in, and it needs to speak and log. */
const debianNames = [
  'slf4j-simple.jar',
  'servlet-api.jar',
  'netty-handler.jar',
  'netty-resolver.jar',
  'netty-codec.jar',
  'netty-transport-native-unix-common.jar',
  'zookeeper.jar',
]

/** Finds what to start. Throws a Fault that names what is missing, and how to get it. */
export function findInstalled(
  home: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Installed {
  return { java: findJava(env), classPath: home === undefined ? debian() : unpacked(home) }
}

function findJava(env: Readonly<Record<string, string | undefined>>): string {
  const { JAVA_HOME = '', PATH = '' } = env
  const homes = JAVA_HOME === '' ? [] : [join(JAVA_HOME, 'bin')]
  const folders = [...homes, ...PATH.split(delimiter), '/usr/bin']
  const found = folders.map((folder) => join(folder, 'java')).find(isExecutable)
  if (found !== undefined) return found
  throw new Fault('not-found', 'Apache ZooKeeper needs Java, and there is none on this machine', {
    remedy: 'apt-get install default-jre-headless, or set JAVA_HOME',
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not for us: another folder may have it.
    return false
  }
}

function debian(): string {
  const jars = debianNames.map((name) => join(debianJars, name))
  const missing = jars.filter((jar) => !existsSync(jar))
  if (missing.length === 0) return jars.join(':')
  throw new Fault('not-found', `there is no Apache ZooKeeper here: ${missing.join(', ')} missing`, {
    remedy:
      'apt-get install zookeeper libservlet-api-java, or name an unpacked one with ' +
      '`coordination: { managed: true, home: /opt/apache-zookeeper }`',
  })
}

function unpacked(home: string): string {
  const lib = join(home, 'lib')
  const isThere = existsSync(lib) && readdirSync(lib).some((name) => /^zookeeper-\d/.test(name))
  if (isThere) return `${join(home, 'conf')}:${join(lib, '*')}`
  throw new Fault(
    'not-found',
    `${home} holds no Apache ZooKeeper: there is no lib/zookeeper-*.jar`,
    {
      remedy: 'name the folder that was unpacked from apache-zookeeper-3.9.5-bin.tar.gz',
    },
  )
}

/** The command that runs a server by the settings in `config`. */
export const commandOf = (
  { java, classPath }: Installed,
  heapBytes: number,
  config: string,
): readonly string[] => [
  java,
  `-Xmx${Math.max(16, Math.round(heapBytes / 1024 / 1024))}m`,
  '-Xms32m',
  // Small heap, few cores: its pauses are short, and it takes no threads from anybody.
  '-XX:+UseSerialGC',
  '-XX:+ExitOnOutOfMemoryError',
  ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
  ...['-cp', classPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config],
]
