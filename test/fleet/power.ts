import { Power, PowerLoss } from "../../hal-mocks/power";

/** A supply that says when it goes: the node is gone in the same moment. */
export class WatchedPower extends Power {
  onLoss: () => void = () => {};

  override change(...steps: Parameters<Power["change"]>): void {
    const wasOn = this.isOn;
    try {
      super.change(...steps);
    } catch (error) {
      if (wasOn && error instanceof PowerLoss) this.onLoss();
      throw error;
    }
  }
}
