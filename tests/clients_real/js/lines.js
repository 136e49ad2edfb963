// Serves one SDK on standard input and output: a line {"operation", "input"} in, a line {"output"} or {"error"} out.
'use strict';

const readline = require('node:readline');

exports.serve = async function serve(call, describe) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { operation, input } = JSON.parse(line);
    let answer;
    try {
      answer = { output: await call(operation, input) };
    } catch (error) {
      answer = { error: describe(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
};
