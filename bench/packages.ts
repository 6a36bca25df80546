/**
 * Packages of the bench that the project itself does not need: each folder with a lockfile has
 * its own, put there by `npm ci` at first use.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const INSTALL_MS = 20 * 60_000

/** The nearest folder above this file that holds a package.json. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export class Packages {
  readonly folder: string
  readonly #require: NodeJS.Require

  /** `path` leads from the root of the project to the folder of package.json and lockfile. */
  constructor(
    path: string,
    private readonly names: readonly string[],
  ) {
    this.folder = join(projectRoot(), path)
    this.#require = createRequire(join(this.folder, 'package.json'))
  }

  /** Installs them all unless the installed ones are those of the lockfile; `what` is told. */
  install(what: string): void {
    if (this.#areCurrent()) return
    process.stderr.write(`installing ${what}...\n`)
    const { status, error, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: this.folder,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INSTALL_MS,
    })
    if (status !== 0) process.stderr.write(`npm ci failed: ${error?.message ?? stderr}\n`)
  }

  require(name: string): unknown {
    return this.#require(name)
  }

  /** For ES modules. */
  async import(name: string): Promise<unknown> {
    return import(pathToFileURL(this.#require.resolve(name)).href)
  }

  versionOf(name: string): string {
    const file = join(this.folder, 'node_modules', name, 'package.json')
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  }

  #areCurrent(): boolean {
    try {
      const file = join(this.folder, 'package-lock.json')
      const { packages } = JSON.parse(readFileSync(file, 'utf8')) as {
        packages: Record<string, { version?: string }>
      }
      return this.names.every((name) => {
        return packages[`node_modules/${name}`]?.version === this.versionOf(name)
      })
    } catch {
      return false
    }
  }
}
