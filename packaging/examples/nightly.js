// A Node program that starts itself again under dlock. Of several copies on all machines one works; the others exit with 75.
//
// Node cannot replace itself by another program, so it stays beside dlock, passes signals on, and ends as dlock ends.
"use strict";
const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { isatty } = require("node:tty");

const KEY = "nightly";

function main() {
  // The work of the program.
}

function startUnderDlock() {
  let dlock;
  // Before the start, so that no signal can end this process and leave dlock behind.
  for (const name of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]) {
    // A terminal sends Ctrl-C and Ctrl-\ to dlock and the work as well.
    const fromTerminal = isatty(0) && (name === "SIGINT" || name === "SIGQUIT");
    process.on(name, () => fromTerminal || dlock.kill(name));
  }
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  dlock = spawn("dlock", ["run", "--key", KEY, "--", ...self], { stdio: "inherit" });
  dlock.on("error", (error) => {
    console.error(`cannot start dlock: ${error.message}`);
    process.exitCode = 127;
  });
  dlock.on("exit", (code, signal) => {
    // Some signals do not end Node (PIPE, USR1). Then it exits with the code that a shell reports for them.
    process.exitCode = signal ? 128 + constants.signals[signal] : code;
    if (!signal) return;
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (process.env.DLOCK_KEY === KEY) main();
else startUnderDlock();
