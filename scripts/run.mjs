// `npm run operator:create`, `npm run audit:verify`: sets up like `npm start`, then runs a command of src/commands.
import { existsSync } from 'node:fs'
import { fail, setUp } from './setup.mjs'

const [name] = process.argv.splice(2, 1)
// Standard output belongs to the command.
setUp({ say: (line) => console.error(line) })
const file = new URL(`../build/src/commands/${name}.js`, import.meta.url)
if (!/^[a-z-]+$/.test(name ?? '') || !existsSync(file)) fail(`There is no command ${name ?? ''}.`)
await import(file.href)
