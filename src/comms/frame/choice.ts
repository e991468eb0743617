import type { Column } from "../../model/profiles";
import { encodeDenseFrame } from "./dense";
import { encodeFrame, type FrameContent } from "./encode";

/**
 * Writes a frame with the body that a terminal's configuration wants; a plain one as well where the dense encoder refuses
 * it, so that no reading is lost.
 * @param columns of the content's profile, column 0 the time.
 * @returns the frame, a view of `target`.
 */
export function encodeFrameAs(
  body: "plain" | "dense",
  content: FrameContent,
  columns: readonly Column[],
  target: Uint8Array,
): Uint8Array {
  if (body === "dense") {
    try {
      return encodeDenseFrame(content, columns, target);
    } catch {
      // What is wrong for both bodies, the plain one says.
    }
  }
  return encodeFrame(content, target);
}
