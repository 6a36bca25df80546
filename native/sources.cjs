// Prints the sources of a build, for binding.gyp and CMakeLists.txt, which share sources.json.
// node sources.cjs SYSTEM ARCHITECTURE PART...   (linux|mac, x64|arm64|..., addon|release|trace)
const sources = require('./sources.json')

const [system, architecture, ...parts] = process.argv.slice(2)
const kernel = architecture === 'x64' || architecture === 'arm64' ? architecture : 'other'
for (const list of ['all', system, kernel, ...parts])
  for (const file of sources[list]) console.log(`native/${file}`)
