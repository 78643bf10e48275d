// `npm run conformance -- options`: compiles the suite of conformance/ and tries a server with it. See conformance/README.md.
import { setUpConformance } from './setup.mjs'

// Standard output belongs to the suite: it is TAP.
setUpConformance((line) => console.error(line))
await import('../build/conformance/main.js')
