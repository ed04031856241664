/** How the command ends; part of the public interface. */
export const EXIT_CODES = {
  /** Everything done. */
  done: 0,
  /** The command failed; one sentence on stderr says why. */
  failed: 1,
  /** Done, but rows were reported: cycles, contradicting rows, unknown ids. */
  rowErrors: 2,
  /** The command line cannot be understood. */
  usage: 64,
  /** Stopped by SIGHUP: its terminal was closed. */
  hungUp: 129,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
} as const;

/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The part of every help text that explains the exit codes. */
export const EXIT_CODE_HELP = `
Exit codes:
  0    done
  1    failed; stderr says why, with an error code and the remedy
  2    done, but rows were reported (cycles, contradicting rows, unknown ids)
  64   the command line cannot be understood
  130  stopped by Ctrl-C (143: by SIGTERM, 129: by SIGHUP)`;
