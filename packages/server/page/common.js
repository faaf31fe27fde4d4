/** Where the key of this server is kept, until the tab is closed. */
export const storedKey = 'mynah-key'

/** @param {string} id */
export const find = id => document.getElementById(id)

/** Asks the server, with the key where there is one. @returns {Promise<Response>} that is fine */
export async function ask(path, options = {}) {
  const key = sessionStorage.getItem(storedKey)
  const response = await fetch(path, { ...options, headers: { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) } })
  if (response.ok) return response
  if (response.status === 401) find('key-form').hidden = false
  const body = await response.json().catch(() => undefined)
  throw new Error(body?.error?.message ?? `The server answered ${response.status}`)
}

/** Tells something where a screen reader hears it. */
export function say(element, words, isProblem = false) {
  element.textContent = words
  element.classList.toggle('problem', isProblem)
}
