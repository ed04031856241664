import { SingleBar } from 'cli-progress';

import type { CommandContext } from './command-context.ts';
import { countText } from './text-table.ts';

/** Shows how far a command is, on stderr. */
export interface Progress {
  /** Names what is going on now. */
  phase(name: string): void;
  /** How much of the phase is done; `total` where it is known. */
  update(done: number, total: number | undefined, unit: string): void;
  /** Takes the bar away; to be called before anything else is written. */
  stop(): void;
}

/** Milliseconds between two lines where there is no terminal, unless the context has others. */
const LINE_INTERVAL = 2000;

/** A bar on a terminal; elsewhere a line every two seconds, none for what is quicker. */
export function startProgress(context: CommandContext): Progress {
  return context.isTerminal ? barProgress() : lineProgress(context);
}

function lineProgress(context: CommandContext): Progress {
  let name = 'working';
  let amount = '';
  const interval = context.progressLineMs ?? LINE_INTERVAL;
  let last = performance.now();
  const line = (): void => {
    if (performance.now() - last < interval) return;
    last = performance.now();
    context.note(`${name}${amount}\n`);
  };
  // the timer speaks for phases that report nothing; a busy loop is covered by update()
  const timer = setInterval(line, interval / 4);
  timer.unref();
  return {
    phase(next) {
      line();
      name = next;
      amount = '';
    },
    update(done, total, unit) {
      const of = total === undefined ? '' : ` of ${countText(total)}`;
      const share =
        total === undefined || total === 0 ? '' : `, ${Math.floor((done / total) * 100)} %`;
      amount = `: ${countText(done)}${of} ${unit}${share}`;
      line();
    },
    stop: () => clearInterval(timer),
  };
}

function barProgress(): Progress {
  const bar = new SingleBar({
    format: '{phase} [{bar}] {amount}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    fps: 10,
    barsize: 30,
  });
  let phase = 'working';
  bar.start(1, 0, { phase, amount: '' });
  return {
    phase(next) {
      phase = next;
      bar.start(1, 0, { phase, amount: '' });
    },
    update(done, total, unit) {
      bar.setTotal(total ?? Math.max(1, done));
      const of = total === undefined ? '' : ` of ${countText(total)}`;
      bar.update(done, { phase, amount: `${countText(done)}${of} ${unit}` });
    },
    stop: () => bar.stop(),
  };
}
