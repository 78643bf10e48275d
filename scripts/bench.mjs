// `npm run bench [-- options]`: sets up like the tests (the benchmark is compiled with them), then measures. See docs/bench.md.
import { setUp } from './setup.mjs'

const { typesHold } = setUp({ tests: true })
if (!typesHold) console.error('the compiler has something to say, above; measuring all the same')
await import('../build/bench/main.js')
