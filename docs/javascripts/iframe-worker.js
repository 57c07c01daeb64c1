/* Search in pages that are opened from disk.

   Browsers start no worker from a file:// address. There the search, written
   for one, runs in a hidden frame instead. mkdocs.yml names this file where
   the theme would load one from another host; its name tells the theme that
   nothing else is needed. */
(function () {
  'use strict'
  if (location.protocol !== 'file:') return

  /* The part of Worker that the theme uses: postMessage and 'message'. */
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement('iframe')
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      const load = (address) =>
        new Promise((resolve, reject) => {
          const script = inside.document.createElement('script')
          script.onload = resolve
          script.onerror = () => reject(new Error(`cannot load ${address}`))
          script.src = new URL(address, location.href)
          inside.document.body.append(script)
        })
      /* Answers must not arrive before the question's caller has returned. */
      inside.postMessage = (data) =>
        setTimeout(() => this.tell(this, data), 0)
      inside.importScripts = (...addresses) =>
        addresses.reduce(
          (before, address) => before.then(() => load(address)),
          Promise.resolve()
        )
      this.ready = load(url)
    }

    tell(target, data) {
      target.dispatchEvent(new MessageEvent('message', { data }))
    }

    postMessage(data) {
      this.ready.then(() => this.tell(this.frame.contentWindow, data))
    }

    terminate() {
      this.frame.remove()
    }
  }
})()
