/** Does nothing: what an event by itself costs; or turns a loop, and makes garbage of a known size. */
export default function onEvent(event: string, count = 0): number {
  let made = 0;
  if (event === "loop") for (let turn = 0; turn < count; turn++) made++;
  if (event === "buffers") for (let turn = 0; turn < count; turn++) made += new ArrayBuffer(1024).byteLength;
  return made;
}
