/** On what figures were measured, and where they are kept. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform } from 'node:os'

export interface Environment {
  readonly date: string
  readonly commit: string
  readonly engine: string
  readonly cpu: string
  readonly load: number
  readonly variant: string
  readonly build: string
  readonly quick: boolean
}

/** The environment, printed at the head of a run. */
export function announce(variant: string, quick: boolean, others: Readonly<Record<string, number>> = {}): Environment {
  const about = { ...environment(variant, quick), ...others }
  for (const [name, value] of Object.entries(about)) console.log(`${name.padEnd(8)} ${value}`)
  return about
}

/** Keeps a run's figures as JSON in out/bench under a name that begins with `name`, and says so at the run's end. */
export function keep(name: string, about: Environment, figures: object): void {
  console.log(`\nload at the end ${loadavg()[0]!.toFixed(1)}: above ${cpus().length} the figures are disturbed`)
  mkdirSync('out/bench', { recursive: true })
  const file = `out/bench/${name}${about.quick ? '-quick' : ''}.json`
  writeFileSync(file, JSON.stringify({ environment: about, ...figures }, undefined, 1))
  console.log(`kept in ${file}`)
}

function environment(variant: string, quick: boolean): Environment {
  const { node, v8 } = process.versions
  const cpu = `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}, ${platform()} ${arch()}`
  const date = new Date().toISOString()
  return {
    date,
    commit: commit(date),
    engine: `node/${node} V8 ${v8}`,
    cpu,
    load: loadavg()[0]!,
    variant,
    build: buildFlags(variant),
    quick,
  }
}

/** The commit's short name, marked where files differ from it; the date where there is no git. */
function commit(date: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['--no-optional-locks', ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '-changed')
  } catch {
    return date.slice(0, 10)
  }
}

function buildFlags(variant: string): string {
  const { options, targets } = JSON.parse(readFileSync('asconfig.json', 'utf8'))
  const { optimizeLevel, shrinkLevel, converge, enable } = { ...options, ...targets[variant] }
  const features = [...new Set([...options.enable, ...(enable ?? [])])].join(' ')
  return `asc optimizeLevel ${optimizeLevel}, shrinkLevel ${shrinkLevel}, converge ${converge}, ${features}`
}
