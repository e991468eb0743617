/** Node runs all microtasks before it comes to an immediate, and looks for input and output before that. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How many times microtasks alone get their turn before sockets, timers and signals get theirs. */
const TICKS_PER_TURN = 64;

let ticks = 0;

/** Node comes to a next tick when its microtask queue is empty. That saves the system call that an immediate costs. */
export function settleMicrotasks(): Promise<void> {
  ticks = (ticks + 1) % TICKS_PER_TURN;
  return ticks ? new Promise((resolve) => process.nextTick(resolve)) : settle();
}
