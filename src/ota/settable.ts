import { configNames } from "../config";

/**
 * Whether a package of kind `config` may set it. It goes to a whole class of devices, and anybody at the broker can read
 * it: who a device is, and its secrets, stay with whoever provisions that one device.
 */
export function isSettable(name: string): boolean {
  switch (name) {
    case "device":
    case "user":
    case "password":
    case "ssid":
    case "wifiPassword":
    case "address":
    case "mask":
    case "gateway":
      return false;
    default:
      return (configNames as readonly string[]).includes(name);
  }
}
