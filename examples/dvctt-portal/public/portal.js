// Two comforts for a browser that runs scripts; the pages work without. A waiting page asks its own server how the
// request stands and goes on by itself; forms show only the fields that the choices above them ask for.

const pollIntervalMs = 500

const waiting = document.querySelector('[data-poll]')
if (waiting) setTimeout(poll, pollIntervalMs)

async function poll() {
  try {
    const answer = await fetch(waiting.dataset.poll, { headers: { accept: 'application/json' } })
    const { state } = await answer.json()
    if (!answer.ok || !['asking', 'waiting'].includes(state)) return location.reload()
    // The digests are there as soon as the provider has been asked.
    if (state !== waiting.dataset.state) return location.reload()
  } catch {
    // The server is away for a moment; the next question may reach it.
  }
  setTimeout(poll, pollIntervalMs)
}

/** The password field is there where the chosen provider asks for one; the login shows how one looks there. */
for (const select of document.querySelectorAll('[data-authority]')) {
  const area = select.closest('.grid, form')
  const fit = () => {
    const { password, example } = select.selectedOptions[0].dataset
    area.querySelector('label[data-password]').hidden = password === 'none'
    area.querySelector('input[name$="login"]').placeholder = example ? `Ví dụ: ${example}` : ''
  }
  select.addEventListener('change', fit)
  fit()
}

/** Remote signing and tokens have fields of their own. */
for (const select of document.querySelectorAll('[data-kind]')) {
  const fit = () => {
    for (const part of select.closest('fieldset').querySelectorAll('[data-of]'))
      part.hidden = part.dataset.of !== select.value
  }
  select.addEventListener('change', fit)
  fit()
}

document.querySelector('#fault')?.focus()
