/** Chromium: a plain page that a tiny server sends, native modules and an import map, no bundler. */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join, normalize, sep } from 'node:path'
import { Skipped, installRuntime, run } from './tools.mjs'

const PLAYWRIGHT = 'playwright-core@1.65.1'
const FLAGS = [
  '--no-sandbox', // the checks may run as root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const TYPES = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
  '.json': 'application/json',
}

/** @param app the folder where the package is installed, with train-few-steps.mjs in it */
export async function inChromium({ app, tools }) {
  const executablePath = await findChromium()
  const modules = await installRuntime(join(tools, 'playwright'), PLAYWRIGHT)
  const { chromium } = createRequire(join(modules, 'here.js'))('playwright-core')
  const server = await serve(app)
  let browser
  try {
    browser = await chromium.launch({ executablePath, headless: true, args: FLAGS })
    return { ...(await visit(browser, server)), version: browser.version() }
  } finally {
    await browser?.close()
    server.close()
  }
}

async function visit(browser, server) {
  const page = await browser.newPage()
  const troubles = []
  page.on('pageerror', (error) => troubles.push(error.message))
  page.on('console', (message) => troubles.push(message.text()))
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.waitForFunction('globalThis.outcome !== undefined', undefined, { timeout: 60_000 }).catch((error) => {
    throw new Error([error.message, ...troubles].join('\n'), { cause: error })
  })
  const { result, error } = await page.evaluate('globalThis.outcome')
  if (error) throw new Error([error, ...troubles].join('\n'))
  return result
}

async function findChromium() {
  const find = () => spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout?.trim()
  const found = find()
  if (found) return found
  if (process.env.CI !== 'true' || process.getuid?.() !== 0) throw new Skipped('no chromium on the PATH')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env })
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { env })
  return find()
}

/** A server of the files below `root` on a free port of this machine; `/` is the page. */
function serve(root) {
  const page = pageOf(root)
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname
    if (path === '/') return void response.setHeader('content-type', 'text/html').end(page)
    const file = normalize(join(root, decodeURIComponent(path)))
    try {
      if (!file.startsWith(root + sep)) throw new Error('outside')
      const content = readFileSync(file)
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').end(content)
    } catch {
      response.writeHead(404).end()
    }
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

function pageOf(root) {
  const manifest = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
  const at = (name, path) => `/node_modules/${name}/${path.replace(/^\.\//, '')}`
  const imports = {
    retrograd: at('retrograd', manifest('retrograd').exports['.'].default),
    '@assemblyscript/loader': at('@assemblyscript/loader', manifest('@assemblyscript/loader').exports.import),
  }
  return `<!doctype html>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  try {
    const [retrograd, { trainFewSteps }] = await Promise.all([import('retrograd'), import('/train-few-steps.mjs')])
    globalThis.outcome = { result: await trainFewSteps(retrograd) }
  } catch (error) {
    globalThis.outcome = { error: String(error?.stack ?? error) }
  }
</script>
`
}
