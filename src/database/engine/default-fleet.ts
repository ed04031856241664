/** The fleet of engines and tasks for which none is named. */
export const DEFAULT_FLEET = 'default';
