// Plain JavaScript because bootstrap.mjs, which uses it, runs before a Node that reads TypeScript is there.

const FIRST_REPORT_MS = 2_000;
const LOG_EVERY_MS = 20_000;

/**
 * Reports `label` with its elapsed seconds on stderr once it has run for more than two seconds:
 * a terminal sees one line that counts, a log file a line every twenty seconds.
 *
 * @param {string} label
 * @returns {{ stop(): number }} `stop` ends the line and returns the seconds since the start.
 */
export function startProgress(label) {
  const start = performance.now();
  const terminal = process.stderr.isTTY === true;
  let nextReport = FIRST_REPORT_MS;
  let shown = false;

  const report = () => {
    const elapsed = performance.now() - start;
    if (elapsed < nextReport) return;
    const text = `${label} … ${Math.floor(elapsed / 1000)} s`;
    if (terminal) {
      process.stderr.write(`\r\u001B[2K${text}`);
      nextReport = elapsed + 900;
    } else {
      process.stderr.write(`${text}\n`);
      nextReport = elapsed + LOG_EVERY_MS;
    }
    shown = true;
  };
  const timer = setInterval(report, 250);

  return {
    stop() {
      clearInterval(timer);
      if (shown && terminal) process.stderr.write('\r\u001B[2K');
      return (performance.now() - start) / 1000;
    },
  };
}
