// `npm run demo`: sets up like the tests (the demo is an example, and examples are compiled with them), then plays
// examples/demo on a server of its own.
import { installSystemPackages, setUp } from './setup.mjs'

setUp({ tests: true })
if (!installSystemPackages(['openssl'], console.log))
  console.error('openssl is missing; the demo ends at its judge')
await import('../build/examples/demo/main.js')
