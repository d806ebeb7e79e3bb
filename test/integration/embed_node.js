'use strict';
// What examples/embed/node must hold. Run by test/integration/embed_node, one function a process:
//   node embed_node.js INDEX_JS FUNCTION ENDPOINT [CA_FILE]
const assert = require('assert');
const {Worker, isMainThread, workerData} = require('worker_threads');

const [index, test, endpoint, caFile] = isMainThread ? process.argv.slice(2) : workerData;
const {Client} = require(index);
const apiKey = 'sandbox-key';
const open = more => new Client({endpoint, apiKey, caFile, ...more});
const range = (first, last) => Array.from({length: last - first + 1}, (_, i) => first + i);

async function start(client, first, last) {
  const results = await Promise.all(range(first, last).map(id => client.start(id, 'a note, ü')));
  results.forEach((result, i) => {
    assert.strictEqual(result.id, first + i);
    assert.strictEqual(result.outcome, 'started', result.message);
  });
}

const tests = {
  // The process ends by itself, though the client is not closed.
  async five_hundred_promises_are_kept_and_the_loop_goes_on_meanwhile() {
    const client = open();
    const begin = performance.now();
    let last = begin, longest = 0, ticks = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      ticks++;
    }, 2);
    await start(client, 1, 500);
    clearInterval(timer);
    console.log(`longest turn ${longest.toFixed(1)} ms, ${ticks} ticks`);
    assert.ok(ticks > 10);
    assert.ok(longest < (last - begin) / 3); // it is a few milliseconds, but the machine may be busy
    assert.match(client.metrics('env="test"'), /^expstart_outcomes_total\{env="test",outcome="started"\} 500$/m);
    assert.strictEqual((await client.start(1)).outcome, 'running');
  },

  async over_tls_too() {
    const client = open();
    await start(client, 1, 50);
    await client.close();
  },

  async what_is_not_accepted_is_rejected_with_a_code() {
    assert.throws(() => new Client({endpoint}), {code: 'ENOKEY'});
    assert.throws(() => new Client({endpoint: 1, apiKey}), {code: 'EINVAL'});
    assert.throws(() => new Client(), TypeError);
    const client = open();
    await assert.rejects(client.start(0), {code: 'EID'});
    await assert.rejects(client.start(1.5), TypeError);
    await assert.rejects(client.start(1, 'x'.repeat(20000)), {code: 'ENOTELONG'});
    assert.throws(() => client.metrics('env'), {code: 'EINVAL'});
    const unknown = await client.start(100000);
    assert.deepStrictEqual([unknown.outcome, unknown.error], ['rejected', 'EREJECTED']);
    await client.close();
    await client.close();
    await assert.rejects(client.start(1), {code: 'ECLOSING'});
    assert.throws(() => client.metrics(), {code: 'ECLOSING'});
  },

  async a_full_queue_tells_when_there_is_room() {
    const client = open({maxQueued: 20});
    const running = [];
    let full = 0;
    for (let id = 1; id <= 500;) {
      const promise = client.start(id);
      const accepted = await Promise.race([promise.then(() => true, () => false), new Promise(setImmediate)]);
      if (accepted === false) {
        full++;
        await assert.rejects(promise, {code: 'EFULL'});
        await client.room();
      } else {
        running.push(promise);
        id++;
      }
    }
    for (const {outcome} of await Promise.all(running))
      assert.strictEqual(outcome, 'started');
    assert.ok(full > 0);
    await client.close();
  },

  async a_client_that_nobody_holds_keeps_its_promises() {
    const promises = range(1, 100).map((client => id => client.start(id))(open()));
    for (let i = 0; i < 5; i++) {
      global.gc();
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    for (const {outcome} of await Promise.all(promises))
      assert.strictEqual(outcome, 'started');
  },

  async a_close_may_turn_into_an_abort() {
    const client = open();
    const promises = range(1, 20).map(id => client.start(id));
    const closed = client.close();
    assert.strictEqual(client.close({abort: true}), closed);
    await closed;
    for (const {outcome, error} of await Promise.all(promises)) {
      assert.ok(['canceled', 'unknown'].includes(outcome), outcome);
      assert.strictEqual(error, 'ECANCELED');
    }
  },

  // Node waits for the client to be closed, and tells no promise.
  async exit_in_the_middle_ends_in_good_order() {
    const client = open();
    const never = new Promise(() => {});
    for (const id of range(1, 1000))
      client.start(id).then(({outcome}) => {
        assert.strictEqual(outcome, 'started');
        if (id === 100) {
          console.log('done');
          process.exit(0);
        }
      });
    await never;
  },

  async what_a_callback_throws_is_an_uncaught_exception() {
    process.on('uncaughtException', error => {
      assert.strictEqual(error.message, 'thrown');
      console.log('caught');
    });
    const client = open();
    client.start(1).then(() => process.nextTick(() => {
      throw new Error('thrown');
    }));
    await client.start(2);
  },

  async workers_have_clients_of_their_own() {
    if (!isMainThread) {
      const first = 100 * workerData[4];
      await start(open(), first + 1, first + 100);
      open().start(first + 1); // left in the middle: the worker is ended
      process.exit(0);
    }
    const workers = range(1, 3).map(number => new Promise((resolve, reject) => {
      const worker = new Worker(__filename, {workerData: [index, test, endpoint, caFile, number]});
      worker.on('error', reject);
      worker.on('exit', code => code === 0 ? resolve() : reject(new Error(`exit code ${code}`)));
    }));
    await start(open(), 1, 100);
    await Promise.all(workers);
  },
};

// A promise that is never settled lets the process end too; so the script looks for this word.
tests[test]().then(() => isMainThread && console.log('done'), error => {
  console.error(error);
  process.exit(1);
});
