// Stands beside a program whose function `solution` is to be called, and calls it once the program has run.
//
// The program's last line is `;require("./_call_solution.js")(typeof solution === "function" ? solution : undefined,
// <the test's input>)`. What is done here is done inside the sandbox, by a program that may do the same itself:
// nothing of it is believed, and what is expected is not known.
"use strict";

const VALUE = /[ \t\r\n]*(?:"(?:[^"\\]|\\.)*"|[^\s,"[\]{}]+|[[{])/y;

// The end of the JSON value that begins at `at`, blanks before it included; -1 where there is none.
function endOfValue(text, at) {
  VALUE.lastIndex = at;
  const match = VALUE.exec(text);
  if (!match) return -1;
  let end = VALUE.lastIndex;
  if (!"[{".includes(text[end - 1])) return end;
  let depth = 1;
  while (depth > 0 && end < text.length) {
    const c = text[end++];
    if (c === '"') {
      while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      end++;
    } else if ("[{".includes(c)) depth++;
    else if ("]}".includes(c)) depth--;
  }
  return depth === 0 ? end : -1;
}

function jsonValues(text) {
  const values = [];
  const blanks = (at) => { while (at < text.length && " \t\r\n".includes(text[at])) at++; return at; };
  let at = blanks(0);
  while (at < text.length) {
    const end = endOfValue(text, at);
    if (end < 0) throw new SyntaxError("no value");
    values.push(JSON.parse(text.slice(at, end)));
    at = blanks(end);
    if (text[at] === ",") {
      at = blanks(at + 1);
      if (at === text.length) throw new SyntaxError("nothing after a comma");
    } else if (at === end && at < text.length) throw new SyntaxError("two values with nothing between them");
  }
  return values;
}

function valuesOf(text) {
  try {
    return jsonValues(text);
  } catch {
    return [text];
  }
}

// A string as itself, anything else as JSON; a big integer is the number that it is.
function shown(value) {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return value.toString();
  return JSON.stringify(value) ?? "null";
}

module.exports = async function call(solution, text) {
  if (solution === undefined) return; // a program: it has read its standard input and is done
  let last = "";
  const write = process.stdout.write;
  process.stdout.write = function (chunk, ...rest) {
    if (chunk.length > 0) last = chunk.toString().slice(-1);
    return write.call(process.stdout, chunk, ...rest);
  };
  let settled = false;
  // nothing is left to wait for; an end of the program's own does not come by here
  process.on("beforeExit", () => {
    if (settled) return;
    settled = true;
    process.stderr.write("Error: solution returned a promise that is never settled\n");
    process.exitCode = 1;
  });
  try {
    const result = await solution(...valuesOf(text));
    settled = true;
    process.stdout.write = write;
    if (result !== undefined || last === "")
      process.stdout.write((last === "" || last === "\n" ? "" : "\n") + shown(result) + "\n");
  } catch (error) {
    settled = true;
    process.stderr.write((error instanceof Error ? error.stack : `Uncaught ${String(error)}`) + "\n");
    process.exitCode = 1;
  }
};
