/** A running line of progress; see `progress.mjs`. */
export interface Progress {
  /** Ends the line and returns the seconds since the start. */
  stop(): number;
}

/** Reports `label` with its elapsed seconds on stderr once it has run for more than two seconds. */
export declare function startProgress(label: string): Progress;
