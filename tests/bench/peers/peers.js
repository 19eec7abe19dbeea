'use strict';
// A command under a lock, or as a job of a queue, from the npm registry: node peers.js redlock|bull|bullmq PORT command...
// As a user would write it in a few lines. Exits with the code of the command.

const { spawn } = require('child_process');

function run([program, ...words]) {
  return new Promise((done, failed) => {
    spawn(program, words, { stdio: 'inherit' }).on('error', failed).on('exit', (code) => done(code));
  });
}

async function redlock(port, command) {
  const { default: Redlock } = require('redlock');
  const Redis = require('ioredis');
  const redis = new Redis(port);
  const lock = await new Redlock([redis], { automaticExtensionThreshold: 2000 }).acquire(['bench:redlock'], 10000);
  const code = await run(command);
  await lock.release();
  redis.disconnect();
  return code;
}

async function bull(port, command) {
  const Queue = require('bull');
  const queue = new Queue('bench-bull', { redis: { port } });
  const ended = new Promise((done) => {
    queue.process(1, async () => run(command));
    queue.on('completed', (_, code) => done(code));
  });
  await queue.add({}, { removeOnComplete: true });
  const code = await ended;
  await queue.close();
  return code;
}

async function bullmq(port, command) {
  const { Queue, Worker } = require('bullmq');
  const connection = { port, maxRetriesPerRequest: null };
  const queue = new Queue('bench-bullmq', { connection });
  const worker = new Worker('bench-bullmq', async () => run(command), { connection });
  const ended = new Promise((done) => worker.on('completed', (_, code) => done(code)));
  await queue.add('job', {}, { removeOnComplete: true });
  const code = await ended;
  await worker.close();
  await queue.close();
  return code;
}

const [kind, port, ...command] = process.argv.slice(2);
({ redlock, bull, bullmq })[kind](Number(port), command).then((code) => {
  process.exitCode = code;
});
