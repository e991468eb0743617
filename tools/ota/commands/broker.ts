import { readAnnouncement, type UpdateManifest } from "../../../src/ota/package";
import { imageName, offerTopic } from "../../../src/ota/topics";
import { type BrokerAddress, Failure, urlOf } from "../../cli/command";
import { Subscriber } from "../../subscriber";
import { Fleet } from "../fleet";
import { type Message, withdrawalMessage } from "../retained";
import { unverified } from "../unverified";

/** So many messages may be under way. */
const WINDOW = 16;
const ACKNOWLEDGED_WITHIN_MS = 30_000;

/** A broker, as whoever publishes for one class of devices sees it: what is offered there, and what all nodes say. */
export class UpdateBroker {
  readonly fleet = new Fleet();
  readonly #subscriber: Subscriber;
  /** The newest announcement. */
  #standing: Uint8Array | undefined;

  private constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  /** Resolves when all that the broker keeps is known. @throws Failure when there is no broker, or it does not answer. */
  static async connect(address: BrokerAddress, { deviceClass }: UpdateManifest): Promise<UpdateBroker> {
    const topic = offerTopic(deviceClass);
    const early: [topic: string, payload: Uint8Array][] = [];
    let broker: UpdateBroker | undefined;
    const subscriber = await Subscriber.connect(urlOf(address), {
      first: topic,
      filter: "gm/+/s",
      onMessage(from, payload) {
        if (broker) broker.#take(topic, from, payload);
        else early.push([from, payload]);
      },
    });
    broker = new UpdateBroker(subscriber);
    for (const [from, payload] of early) broker.#take(topic, from, payload);
    try {
      await subscriber.barrier();
      return broker;
    } catch (error) {
      await subscriber.close();
      throw error;
    }
  }

  #take(offers: string, topic: string, payload: Uint8Array): void {
    if (topic === offers) this.#standing = payload;
    else this.fleet.accept(topic, payload);
  }

  /** The name of the image that is offered; undefined for none. */
  get offered(): string | undefined {
    return this.#standing && imageIn(this.#standing);
  }

  /**
   * Publishes, and waits until the broker has acknowledged all of it. A broker may keep messages in another order than that
   * in which they come, so no group is sent before the one before it was acknowledged.
   * @throws Failure when it does not acknowledge.
   */
  async publish(
    groups: readonly (readonly Message[])[],
    onPart: (part: number) => void = () => {},
  ): Promise<void> {
    const total = groups.flat().length;
    let done = 0;
    for (const group of groups) {
      for (let start = 0; start < group.length; start += WINDOW) {
        const window = group.slice(start, start + WINDOW);
        const sent = Promise.all(
          window.map(({ topic, payload }) => this.#subscriber.publish(topic, payload)),
        );
        if (!(await inTime(sent)))
          throw new Failure("the broker does not acknowledge any more: give the same command again");
        done += window.length;
        onPart(done / total);
      }
    }
  }

  /**
   * Takes an offer back, unless another one has taken its place.
   * @returns whether it stood there.
   */
  async withdraw(manifest: UpdateManifest): Promise<boolean> {
    if (this.offered !== imageName(manifest)) return false;
    await this.publish([[withdrawalMessage(manifest)]]);
    return true;
  }

  async close(): Promise<void> {
    await this.#subscriber.close();
  }
}

/** Undefined for what was withdrawn, and for what no node could read. */
function imageIn(message: Uint8Array): string | undefined {
  try {
    const announcement = readAnnouncement(message);
    return announcement && imageName(unverified(announcement.offer).manifest);
  } catch {
    return undefined;
  }
}

async function inTime(sent: Promise<boolean[]>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean[]>((resolve) => {
    timer = setTimeout(() => resolve([false]), ACKNOWLEDGED_WITHIN_MS);
  });
  const results = await Promise.race([sent, late]);
  clearTimeout(timer);
  return results.every(Boolean);
}
