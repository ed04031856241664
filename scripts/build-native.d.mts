/** What the build of the addon found; see `build-native.mjs`. */
export interface NativeBuildFailure {
  /** `sources` when they do not compile, `cargo` when cargo could not do its work. */
  readonly kind: string;
  readonly output: string;
}

/** `linux-x64-gnu`: the platform as the binary's name has it. */
export declare function platformName(): string;
/** Where the built addon stands. */
export declare function addonPath(): string;
/** True when there are sources and no addon, or one that is older than they are. */
export declare function addonIsStale(): boolean;
/** The latest failure to build these sources, if it is younger than an hour. */
export declare function lastFailure(): NativeBuildFailure | undefined;
export declare function cargoIsHere(): boolean;
/** The line of cargo's words that names the cause. */
export declare function causeOf(failure: NativeBuildFailure): string;
