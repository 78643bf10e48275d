// `npm run portal`: sets up like the demo (the portal is an example, and examples are compiled with the tests), then
// runs examples/dvctt-portal. The server it talks to is started by `npm start`.
import { setUp } from './setup.mjs'

setUp({ tests: true })
await import('../build/examples/dvctt-portal/main.js')
