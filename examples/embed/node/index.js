'use strict';
// Starts ABsmartly experiments on Node's own loop:
//
//     const {Client} = require('.');
//     const client = new Client({endpoint, apiKey});
//     const {outcome, message} = await client.start(17, 'a note');
//     await client.close();
//
// A client keeps the process alive while starts are not settled, and not otherwise.

const os = require('os');
const path = require('path');

const addon = load(process.env.EXPSTART_ADDON || path.join(__dirname, 'expstart.node'));

// Node's binary has an OpenSSL, an nghttp2 and a zlib of its own, with the names of the system's. libcurl
// was built for the system's, and is to find those: with DEEPBIND an addon's libraries find each other
// before they find Node. libuv is not among them, so that the library uses Node's.
function load(file) {
  const {RTLD_NOW, RTLD_DEEPBIND = 0} = os.constants.dlopen;
  const loaded = {exports: {}};
  process.dlopen(loaded, file, RTLD_NOW | RTLD_DEEPBIND);
  return loaded.exports;
}

class Client {
  #client;
  #closing;
  #room; // a promise, while the queue is full
  #roomCame;

  // options: endpoint, apiKey; caFile, maxQueued, maxInFlight, ratePerSecond may be left out. Throws an
  // Error whose code is expstart's ('ENOKEY').
  constructor(options) {
    this.#client = addon.create(options, () => this.#roomCame?.());
  }

  // A promise of {id, outcome, message, httpStatus, attempts, throttled} and, where they are known, error,
  // name, state, startedAt. It is kept whatever the outcome ('started', 'running', 'rejected', 'failed',
  // 'unknown', 'canceled'), and rejected only if the start was not accepted: code is 'EFULL' then when
  // too many are queued.
  async start(id, note) {
    if (!Number.isSafeInteger(id))
      throw new TypeError(`an experiment id is an integer, not ${id}`);
    try {
      return await addon.start(this.#client, id, note);
    } catch (error) {
      if (error.code === 'EFULL')
        this.#room ??= new Promise(resolve => {
          this.#roomCame = () => {
            this.#room = undefined;
            resolve();
          };
        });
      throw error;
    }
  }

  // After EFULL: a promise that is kept when it is worth trying again.
  room() {
    return this.#room ?? Promise.resolve();
  }

  // The stats as Prometheus reads them; labels: 'env="prod",job="x"'.
  metrics(labels) {
    return addon.metrics(this.#client, labels);
  }

  // Ends what was accepted, or with {abort: true} cancels it; a promise that is kept when the client is
  // gone. May be called again to abort.
  close({abort = false} = {}) {
    if (!this.#closing || abort) {
      try {
        this.#closing = addon.close(this.#client, abort) ?? this.#closing;
      } catch (error) {
        if (error.code !== 'ECLOSING' || !this.#closing)
          throw error;
      }
    }
    return this.#closing;
  }
}

module.exports = {Client};
