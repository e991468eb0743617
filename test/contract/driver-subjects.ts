import { i2cSubjects } from "./driver-subjects-i2c";
import { modbusSubjects } from "./driver-subjects-modbus";
import { serialSubjects } from "./driver-subjects-serial";
import type { DriverSubject } from "./drivers";

/** Every driver of src/sensors: a new one adds its subject to one of the three. */
export const driverSubjects: readonly DriverSubject[] = [
  ...serialSubjects,
  ...modbusSubjects,
  ...i2cSubjects,
];
