import { createHal, forgetTime } from "../../../target/provider/hal";
import { dispatch, invoke, Remote } from "../../../target/provider/wire";
import { type Rule, rules } from "../../contract/rules";
import { type Device, device, type SubjectName, subjects } from "../../contract/subjects";

// Runs the rules of ECMA-419 on XS, over the classes that target/provider has there.

/** The class that the host plants faults in. */
class RemoteDevice extends Remote implements Device {
  constructor(options: object) {
    super("device", options);
  }

  use(): void {
    this.invoke("use");
  }
}

let onSettled: () => void = () => {};

/** The host has the time: it says when everything has happened. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    onSettled = resolve;
    invoke("judge", "settle");
  });
}

function run(rule: Rule, name: SubjectName | "device", brokerPort: number): Promise<string[]> {
  if (name === "device") return rule(device((options) => new RemoteDevice(options), settle));
  return rule(subjects[name]({ hal: createHal(), brokerPort, settle }));
}

/** A rule that cannot go on is a finding as well. */
async function judge(name: SubjectName | "device", rule: string, brokerPort: number): Promise<void> {
  let findings: string[];
  try {
    findings = await run(rules[rule], name, brokerPort);
  } catch (error) {
    findings = [`ends with ${error}`];
  }
  invoke("judge", "report", findings);
}

/** Called with each event of the host. */
export default function onEvent(event: string, ...parameters: unknown[]): void {
  forgetTime();
  switch (event) {
    case "callback":
      dispatch(...(parameters as Parameters<typeof dispatch>));
      return;
    case "judge":
      void judge(...(parameters as Parameters<typeof judge>));
      return;
    case "settled":
      onSettled();
      return;
    default:
      throw new RangeError(`there is no event "${event}"`);
  }
}
