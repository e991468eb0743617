import { describe, expect, it } from "vitest";
import { describedSbom } from "../../tools/ota/sbom";

/** What `npm sbom` says (npm 11), in short. */
const npmSaid = (minute: number) =>
  JSON.stringify({
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:00000000-0000-4000-8000-0000000000${minute}`,
    version: 1,
    metadata: {
      timestamp: `2026-06-01T00:${minute}:00.000Z`,
      lifecycles: [{ phase: "pre-build" }],
      component: { "bom-ref": "gridmote@0.1.0", type: "library", name: "gridmote", version: "0.1.0" },
    },
    components: [{ "bom-ref": "zod@4.6.7", type: "library", name: "zod", version: "4.6.7" }],
    dependencies: [
      { ref: "gridmote@0.1.0", dependsOn: ["zod@4.6.7"] },
      { ref: "zod@4.6.7", dependsOn: [] },
    ],
  });
const image = { version: 5, digest: new Uint8Array(32).fill(0xab), build: "0.1.0" };

describe("a bill of materials", () => {
  it("is the same whenever npm made it", () => {
    const app = { ...image, kind: "app", engine: "13.3" };
    expect(describedSbom(npmSaid(11), app)).toBe(describedSbom(npmSaid(12), app));
  });

  it("names the image by its digest, and XS where it is bytecode", () => {
    const app = JSON.parse(describedSbom(npmSaid(11), { ...image, kind: "app", engine: "13.3" }));
    expect(app.metadata.component).toMatchObject({
      ...{ type: "firmware", name: "gridmote-app", version: "5" },
      hashes: [{ alg: "SHA-256", content: "ab".repeat(32) }],
    });
    expect(app.components.map(({ name }: { name: string }) => name)).toEqual(["Moddable XS", "zod"]);
    expect(app.dependencies[0]).toEqual({ ref: "gridmote@0.1.0", dependsOn: ["xs", "zod@4.6.7"] });
    const native = JSON.parse(describedSbom(npmSaid(11), { ...image, kind: "native" }));
    expect(native.components.map(({ name }: { name: string }) => name)).toEqual(["zod"]);
  });
});
