/** The one style sheet of the pages: small screens first, light and dark, no fonts or pictures from elsewhere. */
export const style = `:root {
  color-scheme: light dark;
  --ink: #14202b; --soft: #4b5b69; --paper: #f3f6f9; --card: #ffffff; --line: #c6d0d9;
  --accent: #0b5cad; --accent-ink: #ffffff; --warn: #8a5a00; --warn-paper: #fff3d6; --bad: #a3131f; --bad-paper: #fdecee;
  --good-paper: #e6f4ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8eef3; --soft: #a9b7c3; --paper: #10171d; --card: #19232c; --line: #3a4a57;
    --accent: #6fb3f5; --accent-ink: #08192a; --warn: #ffd27a; --warn-paper: #3a2c0a; --bad: #ff9aa2; --bad-paper: #3b1519;
    --good-paper: #15331f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center;
  background: var(--paper); color: var(--ink); padding: 1rem;
  font: 1.0625rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
header, main, footer { width: 100%; max-width: 30rem; }
header { display: flex; align-items: center; gap: .75rem; padding: .5rem .25rem 1rem; }
header img { border-radius: .6rem; }
header p { margin: 0; }
.brand { font-weight: 650; flex: 1; }
.simulated {
  font-size: .8125rem; font-weight: 700; letter-spacing: .04em; color: var(--warn); background: var(--warn-paper);
  border: 1px solid currentColor; border-radius: 1rem; padding: .1rem .65rem;
}
main {
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.25rem 1.25rem 1rem;
  box-shadow: 0 1px 2px rgb(0 0 0 / .06), 0 8px 24px rgb(0 0 0 / .06);
}
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .75rem; }
footer { color: var(--soft); font-size: .875rem; padding: 1rem .25rem; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
footer p { margin: 0; }
footer a { display: inline-block; padding: .25rem 0; }
a { color: var(--accent); }
.asked { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: .75rem 1rem; margin: 0 0 1rem; }
.asked p { margin: .15rem 0; }
.who { font-weight: 650; overflow-wrap: anywhere; }
dl { margin: .5rem 0 0; }
dt { color: var(--soft); font-size: .875rem; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
dd ul { margin: 0; padding-left: 1.1rem; }
code { font: .8125rem/1.4 ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.digest-kind { color: var(--soft); font-size: .875rem; }
form { margin: 0 0 .5rem; }
label { display: block; font-weight: 600; margin: .75rem 0 .25rem; }
input:not([type=hidden]) {
  width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--soft); border-radius: .6rem;
}
.hint { color: var(--soft); font-size: .9375rem; margin: .5rem 0; }
button, .button {
  display: block; width: 100%; min-height: 3rem; margin-top: 1rem; padding: .65rem 1rem; font: inherit; font-weight: 650;
  text-align: center; text-decoration: none; color: var(--accent-ink); background: var(--accent); border: 1px solid transparent;
  border-radius: .6rem; cursor: pointer;
}
button.quiet { color: var(--accent); background: transparent; border-color: var(--line); margin-top: .25rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.fault, .notice { border-radius: .6rem; padding: .6rem .85rem; margin: .5rem 0; }
.fault { color: var(--bad); background: var(--bad-paper); border: 1px solid currentColor; }
.notice { background: var(--good-paper); }
ol { padding-left: 1.35rem; }
.waiting { height: .4rem; border-radius: .2rem; background: var(--line); overflow: hidden; margin: .75rem 0; }
.waiting::after {
  content: ""; display: block; width: 35%; height: 100%; border-radius: inherit; background: var(--accent);
  animation: waiting 1.6s ease-in-out infinite;
}
@keyframes waiting { from { transform: translateX(-100%); } to { transform: translateX(290%); } }
@media (prefers-reduced-motion: reduce) { .waiting::after { animation: none; width: 100%; opacity: .5; } }
#left { font-variant-numeric: tabular-nums; font-weight: 650; }
`
