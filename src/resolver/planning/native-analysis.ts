import { TaskerError } from '../../errors.ts';
import type { SnapshotViews } from '../../graph/snapshot/layout.ts';
import type { AnalysisBackend, EtaQuestion } from './analysis-backend.ts';
import type { NativeAddon, NativeCancellation, NativeEtaQuestion } from '../native-addon.ts';
import { nativeFailure } from '../native-failure.ts';

/** The question as the addon reads it: numbers of 32 bits. */
const nativeQuestion = ({ seed, ...question }: EtaQuestion): NativeEtaQuestion => ({
  ...question,
  seed: seed >>> 0,
});

/** The analysis kernels of the addon; the asynchronous forms run off the event loop. */
export function nativeAnalysis(addon: NativeAddon): AnalysisBackend {
  function now<Answer>(
    { buffer }: SnapshotViews,
    ask: (view: Uint8Array) => Answer | null,
  ): Answer | undefined {
    const view = new Uint8Array(buffer);
    try {
      return ask(view) ?? undefined;
    } catch (error) {
      throw nativeFailure(addon, view, error);
    }
  }

  async function later<Answer>(
    { buffer }: SnapshotViews,
    ask: (view: Uint8Array, cancellation: NativeCancellation) => Promise<Answer | null>,
    signal: AbortSignal | undefined,
  ): Promise<Answer | undefined> {
    signal?.throwIfAborted();
    const view = new Uint8Array(buffer);
    const cancellation = new addon.Cancellation();
    const cancel = (): void => cancellation.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const answer = await ask(view, cancellation);
      signal?.throwIfAborted();
      return answer ?? undefined;
    } catch (error) {
      if (signal?.aborted === true || error instanceof TaskerError) throw signal?.reason ?? error;
      throw nativeFailure(addon, view, error);
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  return {
    name: 'native',
    shapeNow: (views, task, durations) =>
      now(views, (view) => addon.shapeOfTask(view, task, durations)),
    shape: (views, task, durations, signal) =>
      later(views, (view, stop) => addon.shapeOfTaskAsync(view, task, durations, stop), signal),
    etaNow: (views, task, question) =>
      now(views, (view) => addon.etaOfTask(view, task, nativeQuestion(question))),
    eta: (views, task, question, signal) => {
      const asked = nativeQuestion(question);
      return later(views, (view, stop) => addon.etaOfTaskAsync(view, task, asked, stop), signal);
    },
    blastRadiusNow: (views, starts) =>
      now(views, (view) => addon.blastRadiusOf(view, starts)) ?? new Uint32Array(0),
    blastRadius: async (views, starts, signal) => {
      const ask = (view: Uint8Array, stop: NativeCancellation): Promise<Uint32Array> =>
        addon.blastRadiusOfAsync(view, starts, stop);
      return (await later(views, ask, signal)) ?? new Uint32Array(0);
    },
  };
}
