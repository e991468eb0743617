/** The few elements that a chart is made of, as text. */
export class Svg {
  readonly #parts: string[] = [];
  readonly #width: number;
  readonly #height: number;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
  }

  rect(x: number, y: number, width: number, height: number, fill: string): void {
    this.#rect(x, y, width, height, `fill="${fill}"`);
  }

  /** One of many side by side: smoothed edges would let the paper shine through between them. */
  column(x: number, y: number, height: number, fill: string): void {
    this.#rect(x, y, 1, height, `fill="${fill}" shape-rendering="crispEdges"`);
  }

  #rect(x: number, y: number, width: number, height: number, style: string): void {
    this.#parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" ${style}/>`);
  }

  line(x1: number, y1: number, x2: number, y2: number, stroke = "#ccc"): void {
    this.#parts.push(`<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" stroke="${stroke}"/>`);
  }

  text(x: number, y: number, content: string, anchor: "start" | "middle" | "end" = "start", size = 12): void {
    this.#parts.push(
      `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}" font-size="${size}">${escaped(content)}</text>`,
    );
  }

  toString(): string {
    const size = `width="${this.#width}" height="${this.#height}" viewBox="0 0 ${this.#width} ${this.#height}"`;
    const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" fill="#222">`;
    const paper = `<rect width="${this.#width}" height="${this.#height}" fill="#fff"/>`;
    return [head, paper, ...this.#parts, "</svg>"].join("\n");
  }
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
