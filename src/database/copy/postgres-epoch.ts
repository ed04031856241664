/** Microseconds from 1970-01-01, our epoch, to 2000-01-01, where PostgreSQL counts from. */
export const POSTGRES_EPOCH_US = 946_684_800_000_000;
