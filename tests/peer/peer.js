'use strict';
// A peer of dlock for the tests: it follows the rules of the clients of the Node library, and shares no code with dlock. It
// prints one JSON object per line.
//
//   node peer.js hold KEY SECONDS [options]   acquire, tick into the life file, notice a loss, release
//   node peer.js try KEY [options]            one attempt; what was acquired is released at once (or kept: --keep)
//   node peer.js parse OWNERHASH              parses an owner hash by the expression of the library
//
// The rules, in the order of a lock's life:
//   liveness  SET proc:<processHash> {aliveAt} PX 10000, then sleep 2 s after the reply, from before the first attempt on
//   acquire   tryCreate; if it is held: GET proc:<holder>; if that is nil: tryDelete(ownerHash of the holder), tryCreate
//   keep      every 5 s: GET the lock and compare the ownerHash; every 60 s: tryUpdate (compare, then SET PX 300000)
//   release   tryDelete(own ownerHash); the liveness key is left to expire

const fs = require('fs');
const os = require('os');
const Redis = require('ioredis');

const OWNER_HASH = /^(.+)@([^/]+\/\d+\.\d+)\.\d+(#.*)?$/;

// All three scripts first check whether there is a lock. An empty string counts as none.
const READ_HOLDER = `
local text = redis.call('GET', KEYS[1])
local holder = nil
if text and text ~= '' then holder = cjson.decode(text) end
`;

// KEYS: lock. ARGV: value, lifetime in ms. Nil if created, else the existing value.
const TRY_CREATE = `${READ_HOLDER}
if holder then return text end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
`;

// KEYS: lock. ARGV: the expected owner hash, new value, lifetime in ms. 1 if updated.
const TRY_UPDATE = `${READ_HOLDER}
if not holder or holder.ownerHash ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`;

// KEYS: lock. ARGV: the expected owner hash. 1 if deleted.
const TRY_DELETE = `${READ_HOLDER}
if not holder or holder.ownerHash ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
`;

const DEFAULTS = {
  address: '127.0.0.1',
  port: '6379',
  prefix: 'dlock:',
  host: os.hostname(),
  trace: '',
  life: '',
  'beat-ms': '2000',
  'beat-ttl-ms': '10000',
  'recheck-ms': '5000',
  'extend-ms': '60000',
  'lock-ttl-ms': '300000',
  'wait-ms': '0',
  keep: 'no',
};

function say(event, facts) {
  fs.writeSync(1, JSON.stringify({ event, ...facts }) + '\n');
}

function sleep(ms) {
  return new Promise((wake) => setTimeout(wake, ms));
}

function parseCommandLine(argv) {
  const words = [];
  const options = { ...DEFAULTS };
  for (let at = 0; at < argv.length; at += 1) {
    const name = argv[at].startsWith('--') ? argv[at].slice(2) : null;
    if (name === null) {
      words.push(argv[at]);
    } else if (name in DEFAULTS) {
      at += 1;
      options[name] = argv[at];
    } else {
      throw new Error(`unknown option --${name}`);
    }
  }
  return { words, options };
}

function parseOwnerHash(text) {
  const match = OWNER_HASH.exec(text);
  return match && { key: match[1], processHash: match[2], trace: match[3] ? match[3].slice(1) : null };
}

// The clock of dlock: CLOCK_BOOTTIME is CLOCK_MONOTONIC plus the time in suspend, which the caller has measured.
const SUSPENDED_NS = BigInt(process.env.PEER_BOOTTIME_OFFSET_NS || '0');

class LifeFile {
  constructor(path) {
    this.fd = path ? fs.openSync(path, 'a') : null;
  }

  say(what) {
    if (this.fd !== null) {
      const now = process.hrtime.bigint() + SUSPENDED_NS;
      fs.writeSync(this.fd, `${what} peer-${process.pid} ${process.pid} ${now}\n`);
    }
  }
}

class Peer {
  constructor(options) {
    this.options = options;
    this.redis = new Redis({ host: options.address, port: Number(options.port), keyPrefix: options.prefix });
    this.redis.on('error', (error) => say('connection', { message: error.message }));
    this.redis.defineCommand('tryCreate', { numberOfKeys: 1, lua: TRY_CREATE });
    this.redis.defineCommand('tryUpdate', { numberOfKeys: 1, lua: TRY_UPDATE });
    this.redis.defineCommand('tryDelete', { numberOfKeys: 1, lua: TRY_DELETE });
    this.processHash = `${options.host}/${process.pid}.${process.hrtime.bigint()}`;
    this.attempts = 0;
    this.stopped = false;
  }

  async reportLiveness() {
    const write = () =>
      this.redis.set(
        `proc:${this.processHash}`,
        JSON.stringify({ aliveAt: new Date().toISOString() }),
        'PX',
        Number(this.options['beat-ttl-ms']),
      );
    await write();
    (async () => {
      while (!this.stopped) {
        await sleep(Number(this.options['beat-ms']));
        if (!this.stopped) {
          await write();
        }
      }
    })().catch((error) => say('reporter', { message: error.message }));
  }

  valueFor(ownerHash, acquiredAt) {
    const now = new Date().toISOString();
    const value = { ownerHash, processHash: this.processHash, acquiredAt: acquiredAt || now, extendedAt: now };
    if (this.options.trace) {
      value.trace = this.options.trace;
    }
    return JSON.stringify(value);
  }

  async acquireOnce(key) {
    this.attempts += 1;
    const trace = this.options.trace ? `#${this.options.trace}` : '';
    const ownerHash = `${key}@${this.processHash}.${this.attempts}${trace}`;
    const create = () => this.redis.tryCreate(`lock:${key}`, this.valueFor(ownerHash), this.options['lock-ttl-ms']);
    const first = await create();
    if (first === null) {
      return { ownerHash };
    }
    const holder = JSON.parse(first);
    if ((await this.redis.get(`proc:${holder.processHash}`)) !== null) {
      return { holder };
    }
    const deleted = await this.redis.tryDelete(`lock:${key}`, holder.ownerHash);
    say('takeover', { from: holder.ownerHash, deleted });
    const second = await create();
    return second === null ? { ownerHash } : { holder: JSON.parse(second) };
  }

  async acquire(key) {
    const giveUp = Date.now() + Number(this.options['wait-ms']);
    for (;;) {
      const outcome = await this.acquireOnce(key);
      if (outcome.ownerHash || Date.now() >= giveUp) {
        return outcome;
      }
      await sleep(20);
    }
  }

  async isStillOurs(key, ownerHash) {
    const text = await this.redis.get(`lock:${key}`);
    return Boolean(text) && JSON.parse(text).ownerHash === ownerHash;
  }

  async release(key, ownerHash) {
    return this.redis.tryDelete(`lock:${key}`, ownerHash);
  }

  close() {
    this.stopped = true;
    this.redis.disconnect();
  }
}

async function workUntil(end, peer, key, ownerHash, life) {
  const { options } = peer;
  let nextCheck = Date.now() + Number(options['recheck-ms']);
  let nextExtend = Date.now() + Number(options['extend-ms']);
  const acquiredAt = new Date().toISOString();
  while (Date.now() < end) {
    life.say('tick');
    await sleep(5);
    if (Date.now() >= nextCheck) {
      nextCheck += Number(options['recheck-ms']);
      if (!(await peer.isStillOurs(key, ownerHash))) {
        return 'lost';
      }
    }
    if (Date.now() >= nextExtend) {
      nextExtend += Number(options['extend-ms']);
      const value = peer.valueFor(ownerHash, acquiredAt);
      if ((await peer.redis.tryUpdate(`lock:${key}`, ownerHash, value, options['lock-ttl-ms'])) !== 1) {
        return 'lost';
      }
    }
  }
  return 'done';
}

async function hold(key, seconds, options) {
  const peer = new Peer(options);
  await peer.reportLiveness();
  const { ownerHash, holder } = await peer.acquire(key);
  if (!ownerHash) {
    say('held', { holder });
    peer.close();
    return 75;
  }
  const life = new LifeFile(options.life);
  life.say('start');
  say('acquired', { ownerHash, processHash: peer.processHash });
  const outcome = await workUntil(Date.now() + Number(seconds) * 1000, peer, key, ownerHash, life);
  life.say('end');
  if (outcome === 'lost') {
    say('lost', { ownerHash });
  } else {
    say('released', { deleted: await peer.release(key, ownerHash) });
  }
  peer.close();
  return outcome === 'lost' ? 80 : 0;
}

async function attempt(key, options) {
  const peer = new Peer(options);
  await peer.reportLiveness();
  const { ownerHash, holder } = await peer.acquire(key);
  if (ownerHash) {
    say('acquired', { ownerHash, processHash: peer.processHash });
    if (options.keep !== 'yes') {
      say('released', { deleted: await peer.release(key, ownerHash) });
    }
  } else {
    say('held', { holder });
  }
  peer.close();
  return ownerHash ? 0 : 75;
}

function parse(text) {
  const parsed = parseOwnerHash(text);
  say(parsed ? 'parsed' : 'unparsable', parsed || { text });
  return parsed ? 0 : 1;
}

const COMMANDS = {
  hold: ([key, seconds], options) => hold(key, seconds, options),
  try: ([key], options) => attempt(key, options),
  parse: ([text]) => parse(text),
};

async function main() {
  const [command, ...rest] = process.argv.slice(2);
  // An owner hash can begin with any text, even with --.
  const { words, options } = command === 'parse' ? { words: rest, options: DEFAULTS } : parseCommandLine(rest);
  if (!(command in COMMANDS)) {
    throw new Error(`usage: peer.js ${Object.keys(COMMANDS).join('|')} …`);
  }
  process.exitCode = await COMMANDS[command](words, options);
}

main().catch((error) => {
  say('error', { message: error.message });
  process.exitCode = 70;
});
