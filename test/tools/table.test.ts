import { expect, it } from "vitest";
import { table } from "../../tools/cli/table";

it("sets numbers to the right and text to the left, without blanks at the ends", () => {
  expect(
    table(
      ["name", "count", "remark"],
      [
        ["a", 5, "-"],
        ["long name", 1234, "x"],
      ],
    ),
  ).toBe(["name       count  remark", "a              5  -", "long name   1234  x", ""].join("\n"));
});

it("is its header alone when there are no rows", () => {
  expect(table(["a", "b"], [])).toBe("a  b\n");
});
