/** Rows as text in columns: numbers, also those that are text already, to the right, the rest to the left. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const right = header.map((_, column) => rows.every((row) => isNumeric(row[column])));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join("  "),
  );
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** A dash stands for a number that there is not. */
function isNumeric(cell: string | number): boolean {
  return typeof cell === "number" || /^(-|-?[\d.]+)$/.test(cell);
}
