import { element, icon } from './dom.js'
import { say } from './texts.js'

/**
 * Stands for a face or a finger where nothing is checked. It says so, and only the simulation has it.
 * @returns {Promise<'face' | 'fpt' | null>} Null: not recognised.
 */
export function askSimulated() {
  const texts = say()
  return new Promise((resolve) => {
    const button = (/** @type {'face' | 'fpt' | ''} */ value, /** @type {(Node | string)[]} */ ...content) =>
      element('button', { class: 'quiet', value }, ...content)
    const dialog = element(
      'dialog',
      { 'aria-labelledby': 'prompt-title', class: 'simulated', id: 'simulated-prompt' },
      element(
        'form',
        { method: 'dialog' },
        element('h2', { id: 'prompt-title' }, texts.promptTitle),
        element('p', {}, texts.promptText),
        button('face', icon('face'), texts.promptFace),
        button('fpt', icon('fingerprint'), texts.promptFinger),
        button('', texts.promptNo)
      )
    )
    dialog.addEventListener('close', () => {
      const { returnValue } = dialog
      dialog.remove()
      resolve(returnValue === 'face' || returnValue === 'fpt' ? returnValue : null)
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}
