#!/usr/bin/env python3
"""A second decoder for gridmote's frames, made from docs/frame.md alone: the proof that the page is enough.

    gridmote_frame.py VECTORS.json                  decodes all vectors and compares
    gridmote_frame.py VECTORS.json --fuzz N [SEED]  gives it N random and damaged frames
    gridmote_frame.py --verdicts PROFILES           says of frames what another decoder must say of them: PROFILES are
        lists of columns in JSON; a frame comes as the index of its profile, one byte, its length, four, and its bytes;
        what goes out is 1 or 0, one byte, and the CRC-32 of its readings, four. Numbers are little-endian.
"""
import json
import random
import struct
import sys
import zlib
from math import isqrt, nan

LARGEST = 2**53 - 1  # M
MOST_READINGS = 1024
MOST_NESTING = 32  # only of what follows the body, so that no frame exhausts Python's stack
OPAQUE = object()  # an item of CBOR that has no meaning in a frame

class FrameError(Exception):
    """A frame that cannot be read; `place` says where."""

    def __init__(self, place):
        super().__init__(f"damaged frame: {place}")
        self.place = place

def require(condition, place):
    """Refuses the frame unless the condition holds."""
    if not condition:
        raise FrameError(place)

def bounded(value, place):
    """The integer itself, refused unless it is one within ±M."""
    require(isinstance(value, int) and abs(value) <= LARGEST, place)
    return value

# ---- CBOR

class CborReader:
    """Reads items of definite length, in their shortest form."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, length):
        """The next bytes."""
        end = self.position + length
        require(end <= len(self.data), "CBOR: cut off")
        part, self.position = self.data[self.position:end], end
        return part

    def argument(self, information):
        """The number in or behind an initial byte."""
        if information < 24:
            return information
        require(information < 28, "CBOR: indefinite or reserved length")
        length = 1 << (information - 24)
        number = int.from_bytes(self.take(length), "big")
        require(number >= (24 if length == 1 else 1 << (4 * length)), "CBOR: not the shortest form")
        return number

    def item(self, depth=0):
        """An integer, None, bytes, a list, or OPAQUE for all else."""
        require(depth <= MOST_NESTING, "CBOR: nested too deeply")
        major, information = divmod(self.take(1)[0], 32)
        if major == 7:
            return self.simple(information)
        number = self.argument(information)
        if major < 2:
            integer = -1 - number if major else number
            return integer if abs(integer) <= LARGEST else OPAQUE
        if major < 4:
            text = self.take(number)
            return text if major == 2 else OPAQUE
        inner = [number, 2 * number, 1][major - 4]
        require(inner <= len(self.data) - self.position, "CBOR: cut off")  # an item is a byte or more
        items = [self.item(depth + 1) for _ in range(inner)]
        return items if major == 4 else OPAQUE

    def simple(self, information):
        """None for null; floats and the other simple values are passed over."""
        require(information < 28, "CBOR: indefinite or reserved length")
        if information >= 24:
            payload = self.take(1 << (information - 24))
            require(information > 24 or payload[0] >= 32, "CBOR: not the shortest form")
        return None if information == 22 else OPAQUE

# ---- plain body

def spread(item, count, place):
    """One entry for all, or an array of as many as there must be."""
    entries = item if isinstance(item, list) else [item] * count
    require(len(entries) == count, f"{place}: number of entries")
    return entries

def sums(differences, start, place):
    """Values from differences to the value that was there before."""
    values, last = [], start
    for difference in differences:
        if difference is not None:
            last = bounded(last + bounded(difference, place), place)
        values.append(None if difference is None else last)
    return values

def read_plain(body, columns, start, count):
    """Times, quality codes and values of a plain body."""
    require(len(body) == len(columns) + 1, "plain body: number of columns")
    steps = spread(body[0], count - 1, "times")
    bounded(body[0] if not isinstance(body[0], list) else 0, "times")  # also where there are no steps
    require(None not in steps, "times")
    times = [start] + sums(steps, start, "times")
    quality = [bounded(code, "quality") for code in spread(body[1], count, "quality")]
    values = []
    for number, item in enumerate(body[2:], 1):
        place = f"column {number}"
        if item is None or isinstance(item, list):
            values.append(sums(spread(item, count, place), 0, place))
        else:
            values.append([bounded(item, place)] * count)
    return times, quality, values

# ---- arithmetic coder and contexts

def context(percent, divisor):
    """C(p, d), as [probability, divisor]."""
    return [65536 * percent // 100, divisor]

class Coder:
    """The decoding side. It follows `low` too, as only that tells how the encoder ended."""

    def __init__(self, data):
        self.data, self.position = data, 0
        self.low, self.range, self.ahead = 0, 1 << 24, 0  # ahead: what was read, less low
        for _ in range(3):
            self.next_byte()

    def next_byte(self):
        """Shifts in a byte, zero behind the end."""
        require(self.position < len(self.data) + 3, "dense body: cut off")
        byte = self.data[self.position] if self.position < len(self.data) else 0
        self.ahead, self.position = self.ahead << 8 | byte, self.position + 1

    def skip(self, width):
        """Raises low by a width."""
        self.low, self.ahead = self.low + width, self.ahead - width

    def normalize(self):
        """Keeps the range at 16 bits or more. Carries need no care here: `ahead` is a difference."""
        while self.range < 1 << 16:
            self.low, self.range = (self.low & 0xFFFF) << 8, self.range << 8
            self.next_byte()

    def bit(self, state):
        """A bit with a context, which adapts."""
        probability, divisor = state
        bound = (self.range >> 8) * (probability >> 1) >> 7
        bit = self.ahead < bound
        if bit:
            self.range = bound
            state[0] += (65535 - probability) // divisor
        else:
            self.skip(bound)
            self.range -= bound
            state[0] -= probability // divisor
        state[1] += divisor < 21
        self.normalize()
        return bit

    def raw(self, length):
        """So many bits without a context."""
        if length > 24:
            upper = self.raw(length - 24)
            return upper << 24 | self.raw(24)
        number = 0
        while length > 0:
            bits = min(8, length)
            self.range >>= bits
            piece = self.ahead // self.range
            require(piece < 1 << bits, "dense body: raw bits")
            self.skip(self.range * piece)
            self.normalize()
            number, length = number << bits | piece, length - bits
        return number

    def finish(self):
        """Refuses all but the one ending that the encoder writes."""
        for length, unit in enumerate((1 << 24, 1 << 16, 1 << 8, 1)):
            number = -(-self.low // unit) * unit
            if number < self.low + self.range:
                break
        written = self.position - 3
        require(len(self.data) == written + length, "dense body: length")
        require(self.ahead == number - self.low, "dense body: end")

class ColumnReader:
    """Reads columns of residuals; holds the contexts."""

    def __init__(self, data):
        self.coder = Coder(data)
        self.has_missing = context(4, 8)

    def begin(self, bits):
        """Resets the contexts for a column's first value."""
        self.present, self.present_after_missing = context(50, 3), context(50, 3)
        self.negative = context(20, 4)
        self.longer = [context(5 if j < bits - 5 else 40 if j < bits else 50, 3) for j in range(54)]
        self.longer[0] = context(80, 3)
        self.second = [context(40, 12) for _ in range(54)]
        self.usual = max(1, bits)

    def go_on(self, bits):
        """Resets the contexts behind a column's first value."""
        self.negative = context(50, 16)
        self.longer = [context(45 if j < bits else 40, 3) for j in range(54)]
        self.longer[0] = context(70 if bits else 5, 3)
        self.usual = max(1, bits)

    def column(self, predictor, rows, may_miss=True):
        """The values of the rows, None for a missing one."""
        some_missing = self.coder.bit(self.has_missing)  # written for times and quality codes too
        require(may_miss or not some_missing, "dense body: missing time or quality code")
        self.begin(predictor.first_bits)
        values, first, there = [], True, True
        for row in rows:
            if some_missing:
                there = self.coder.bit(self.present if there else self.present_after_missing)
            values.append(self.value(predictor, row) if there else None)
            if there and first:
                self.go_on(predictor.next_bits)
                first = False
        require(not some_missing or None in values, "dense body: nothing is missing")
        return values

    def value(self, predictor, row):
        """A value, of which the predictor is told."""
        prediction = max(-LARGEST, min(LARGEST, predictor.predict(row)))
        length = self.length()
        negative = length > 0 and self.coder.bit(self.negative)
        magnitude = self.coder.raw(53) if length == 54 else self.magnitude(length)
        value = -magnitude if negative else magnitude
        if length == 54:
            require(abs(value - prediction) > LARGEST, "dense body: residual would have fitted")
        else:
            value = bounded(prediction + value, "dense body: value beyond ±M")
        predictor.learn(row, value)
        return value

    def length(self):
        """The number of bits of the residual: a search up or down from the usual one."""
        bit, longer, length = self.coder.bit, self.longer, self.usual
        if not bit(longer[0]):
            return 0
        if bit(longer[length]):
            length += 1
            while length < 54 and bit(longer[length]):
                length += 1
        else:
            while length > 1 and not bit(longer[length - 1]):
                length -= 1
        return length

    def magnitude(self, length):
        """The residual's absolute value; its highest bit is not written."""
        if length < 2:
            return length
        upper = 2 | self.coder.bit(self.second[length])
        return upper << (length - 2) | self.coder.raw(length - 2)

# ---- expectations

REGISTERS = {9, 10, 11, 12, 20, 21, 25, 26, 27, 28, 35}
STATES = {13, 31, 36, 41, 42, 43}
EXPECTED = {0: (5, 0, 0), 2: (5, -1, 2300), 3: (4, -2, 0), 8: (2, -2, 5000), 37: (3, -1, 200)}
EXPECTED |= dict.fromkeys((4, 5, 14, 16), (10, 0, 0))
EXPECTED |= dict.fromkeys(REGISTERS, (23, 0, 0)) | dict.fromkeys(STATES, (3, 0, 0))

def expectation(quantity, exponent):
    """firstBits, nextBits and the usual value."""
    bits, row_exponent, usual = EXPECTED.get(quantity, (6, 0, 0))
    shift = row_exponent - exponent
    first = max(0, min(53, 10 * shift // 3 + bits))
    following = 0 if quantity in REGISTERS | STATES else first // 2
    return first, following, scaled(usual, shift) if abs(shift) <= 6 else 0

def scaled(number, power):
    """number·10^power, rounded down."""
    return number * 10 ** max(power, 0) // 10 ** max(-power, 0)

# ---- predictors

def difference(first, second):
    """first − second, or 0 beyond ±M."""
    return first - second if abs(first - second) <= LARGEST else 0

class Last:
    """Predicts the value before."""

    rank = 0

    def __init__(self, first_bits, next_bits, last):
        self.first_bits, self.next_bits, self.last = first_bits, next_bits, last

    def predict(self, row):
        """What is expected at a row."""
        return self.last

    def learn(self, row, value):
        """What was there."""
        self.last = value

class Times(Last):
    """Goes on with the step that came twice."""

    step = before = 0

    def predict(self, row):
        return self.last + self.step

    def learn(self, row, value):
        step = difference(value, self.last)
        if row == 1 or step == self.before:
            self.step = step
        self.before, self.last = step, value

class Clock(Last):
    """A clock runs as the time does; `last` is the offset."""

    def __init__(self, first_bits, times):
        super().__init__(first_bits, 0, 0)
        self.times = times

    def predict(self, row):
        return self.times[row] + self.last

    def learn(self, row, value):
        self.last = difference(value, self.times[row])

class Terms:
    """A sum of columns with signs."""

    def __init__(self, table, members, exponent):
        self.table, self.members, self.exponent = table, members, exponent

    def at(self, row):
        """The sum, or None where it is not known."""
        values = [(self.table[index][row], sign) for index, sign in self.members]
        if any(value is None or abs(value) > 1 << 40 for value, _ in values):
            return None
        return sum(sign * value for value, sign in values)

class Total(Last):
    """The phases' sum, or its positive or negative part."""

    rank = 1

    def __init__(self, quantity, terms, last):
        super().__init__(1, 0, last)
        self.quantity, self.terms = quantity, terms

    def predict(self, row):
        total = self.terms.at(row)
        if total is None:
            return self.last
        return total if self.quantity == 14 else max(0, total if self.quantity == 4 else -total)

class Current(Last):
    """Apparent power by voltage; `rest` is what the current's square has beyond that."""

    rank = 2
    limit = 1 << 25

    def __init__(self, expected, shift, voltage, active, reactive):
        super().__init__(*expected)
        self.shift, self.voltage, self.active, self.reactive = shift, voltage, active, reactive
        self.rest, self.computed = 0, None

    def compute(self, row):
        """The current that follows from power and voltage, or None."""
        voltage, active = self.voltage.at(row), self.active.at(row)
        reactive = self.reactive.at(row) if self.reactive else 0
        if None in (voltage, active, reactive) or voltage <= 0:
            return None
        active, reactive = 16 * abs(active), 16 * abs(reactive)
        if max(voltage, active, reactive) >= self.limit:
            return None
        apparent = isqrt(active**2 + reactive**2) * 10 ** max(self.shift, 0)
        current = apparent // (16 * 10 ** max(-self.shift, 0) * voltage)
        return current if current < self.limit else None

    def predict(self, row):
        self.computed = self.compute(row)
        if self.computed is None:
            return self.last
        return isqrt(max(0, self.computed**2 + self.rest))

    def learn(self, row, value):
        self.last = value
        if self.computed is not None and abs(value) < self.limit:
            self.rest = value**2 - self.computed**2

class Register(Last):
    """Integrates power; [low, high] encloses the part of a unit that the register does not show yet."""

    rank = 2

    def __init__(self, first_bits, shift, direction, power, times):
        super().__init__(first_bits, 0, 0)
        self.direction, self.power, self.times = direction, power, times
        self.parts, self.unit = 10 ** max(shift, 0), 3600 * 10 ** max(-shift, 0)
        self.low, self.high, self.slack, self.units = 0, self.unit, 0, 0
        self.next_row, self.stands = None, False

    def predict(self, row):
        first = self.next_row is None
        self.slack = self.unit if first else 0
        for passed in range(row + 1 if first else self.next_row, row + 1):
            self.integrate(passed)
        self.next_row = row + 1
        self.units = (self.low + self.high) // 2 // self.unit
        return self.last if self.stands else self.last + self.units

    def integrate(self, row):
        """Adds the work of one row."""
        step, power = self.times[row] - self.times[row - 1], self.power.at(row)
        if power is None or self.direction * power <= 0 or step <= 0:
            return
        work = self.direction * power * step * self.parts
        if self.low + work <= 1 << 50:
            self.low, self.high = self.low + work, self.high + work
            self.slack += step * self.parts // 2

    def learn(self, row, value):
        moved, unit = value - self.last, self.unit
        self.last, self.stands = value, moved == 0 and self.units > 1
        if abs(moved - self.units) > 1:
            self.low, self.high = 0, unit
            return
        slack = min(self.slack, unit)
        self.low = max(0, min(unit - slack, self.low - moved * unit - slack))
        self.high = min(unit, max(slack, self.high - moved * unit + slack))

VOLTAGE = [(2, 1)]
ACTIVE = [(14, 1), (4, 1), (5, -1)]  # the first one alone where it is there
REACTIVE = [(15, 1), (6, 1), (7, -1)]
THREE = [1, 2, 3]

class Profile:
    """Chooses each column's predictor; `table` holds the columns as they become known."""

    def __init__(self, columns, table):
        self.columns, self.table = columns, table
        self.indices = {}
        for index, (channel, _) in enumerate(columns):
            self.indices.setdefault(channel, index)

    def members(self, quantities, phase):
        """Those of the (quantity, sign) pairs that the profile has, as (index, sign)."""
        found = [(self.indices.get(quantity * 1024 + phase * 128), sign) for quantity, sign in quantities]
        return [(index, sign) for index, sign in found if index is not None]

    def terms(self, quantities, phases):
        """Usable terms or None, and whether there are any. The first quantity alone where the profile has it."""
        members = []
        for phase in phases:
            members += self.members(quantities[:1], phase) or self.members(quantities[1:], phase)
        exponents = {self.columns[index][1] for index, _ in members}
        usable = Terms(self.table, members, *exponents) if len(exponents) == 1 else None
        return usable, bool(members)

    def predictor(self, index):
        """The predictor of a column behind the time."""
        (channel, exponent), times = self.columns[index], self.table[0]
        quantity, phase, number = channel // 1024, channel // 128 % 8, channel % 128
        expected = expectation(quantity, exponent)
        chosen = None
        if quantity == 1 and exponent == self.columns[0][1]:
            chosen = Clock(expected[0], times)
        elif quantity in (4, 5, 14) and phase == number == 0:
            terms, _ = self.terms(ACTIVE, THREE)
            chosen = Total(quantity, terms, expected[2]) if terms and terms.exponent == exponent else None
        elif quantity == 3 and number == 0:
            chosen = self.current(phase, exponent, expected)
        elif quantity in (9, 10, 11, 12):
            chosen = self.register(quantity, phase, exponent, expected)
        return chosen or Last(*expected)

    def current(self, phase, exponent, expected):
        """A current's predictor, or None."""
        voltage, _ = self.terms(VOLTAGE, [phase])
        active, _ = self.terms(ACTIVE, [phase])
        reactive, _ = self.terms(REACTIVE, [phase])
        if not voltage or not active:
            return None
        if reactive and reactive.exponent != active.exponent:
            return None
        shift = active.exponent - voltage.exponent - exponent
        return Current(expected, shift, voltage, active, reactive) if abs(shift) <= 6 else None

    def register(self, quantity, phase, exponent, expected):
        """An energy register's predictor, or None."""
        kind = ACTIVE if quantity < 11 else REACTIVE
        power, has_own = self.terms(kind, [phase])
        if not has_own and phase == 0:
            power, _ = self.terms(kind, THREE)
        shift = power.exponent + self.columns[0][1] - exponent if power else 7
        direction = 1 if quantity in (9, 11) else -1
        return Register(expected[0], shift, direction, power, self.table[0]) if abs(shift) <= 6 else None

def read_dense(body, columns, start, count):
    """Times, quality codes and values of a dense body."""
    reader, table = ColumnReader(body), [[start]] + [None] * (len(columns) - 1)
    first_bits, _, _ = expectation(0, columns[0][1])
    table[0] += reader.column(Times(first_bits, 0, start), range(1, count), may_miss=False)
    quality = reader.column(Last(0, 0, 0), range(count), may_miss=False)
    profile = Profile(columns, table)
    predictors = [(index, profile.predictor(index)) for index in range(1, len(columns))]
    for index, predictor in sorted(predictors, key=lambda pair: pair[1].rank):
        table[index] = reader.column(predictor, range(count))
    reader.coder.finish()
    return table[0], quality, table[1:]

def decode(frame, columns):
    """Reads a frame whose profile has these (channel, exponent) columns, the first one being the time."""
    reader = CborReader(frame)
    items = reader.item()
    require(reader.position == len(frame), "bytes behind the frame")
    require(isinstance(items, list) and len(items) >= 6, "envelope")
    profile, boot, seq, start, count, body = items[:6]
    dated, start = start is not None, 0 if start is None else start
    for number in (profile, boot, seq, start, count):
        bounded(number, "envelope")
    require(min(profile, boot, seq) >= 0 and boot < 1 << 32, "envelope")
    require(1 <= count <= MOST_READINGS, "count")
    require(isinstance(body, (bytes, list)), "body")
    read = read_dense if isinstance(body, bytes) else read_plain
    times, quality, values = read(body, columns, start, count)
    require(min(quality) >= 0, "quality")
    return dict(profile=profile, boot=boot, seq=seq, dated=dated,
                times=times, quality=quality, values=values)

# ---- command

def check(vectors):
    """Compares all vectors; the exit code."""
    failures = 0
    for vector in vectors:
        for form in ("plain", "dense"):
            if vector[form] is None:
                continue
            try:
                got = decode(bytes.fromhex(vector[form]), vector["columns"])
                wrong = [f"{key} {got[key]}, not {vector[key]}" for key in got if got[key] != vector[key]]
            except FrameError as error:
                wrong = [str(error)]
            failures += len(wrong)
            for line in wrong:
                print(f"{vector['name']}, {form}: {line}")
    if not failures:
        print(f"{len(vectors)} vectors, all read")
    return 1 if failures else 0

def damaged(frame, chance):
    """A frame of random bytes, or one that was changed, cut off or given a random body."""
    kind, place = chance.randrange(6), chance.randrange(len(frame))
    if kind == 0:
        return chance.randbytes(chance.randrange(80))
    if kind == 1:
        return frame[:place]
    if kind == 2:
        body = chance.randbytes(chance.randrange(24, 256))
        count = chance.choice([b"\x01", b"\x05", b"\x18\x40", b"\x19\x04\x00"])
        return b"\x86\x18\xc8\x00\x00" + b"\xf6" + count + b"\x58" + bytes([len(body)]) + body
    changed = bytearray(frame)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(changed))
        changed[place] = changed[place] ^ 1 << chance.randrange(8) if kind < 5 else chance.randrange(256)
    return bytes(changed)

def fuzz(vectors, number, seed=0):
    """Anything but a reading or FrameError ends it with a trace."""
    chance, read = random.Random(seed), 0
    frames = [(bytes.fromhex(v[form]), v["columns"]) for v in vectors for form in ("plain", "dense") if v[form]]
    for _ in range(number):
        frame, columns = chance.choice(frames)
        try:
            decode(damaged(frame, chance), columns)
            read += 1
        except FrameError:
            pass
    print(f"{number} frames, {read} read, all others refused")
    return 0

def checksum(frame, columns):
    """Of the readings as doubles, in the channels' units and times in ms; what is not known is NaN."""
    times = [instant if frame["dated"] else None for instant in frame["times"]]
    series = [(times, columns[0][1] + 3), (frame["quality"], 0)]
    series += [(values, exponent) for values, (_, exponent) in zip(frame["values"], columns[1:])]
    numbers = [nan if value is None else value / 10**-exponent if exponent < 0 else float(value * 10**exponent)
               for values, exponent in series for value in values]
    return zlib.crc32(struct.pack(f"<{len(numbers)}d", *numbers))

def verdicts(profiles, source, sink):
    """Answers each frame as soon as it has come."""
    while head := source.read(5):
        index, length = struct.unpack("<BI", head)
        try:
            answer = (1, checksum(decode(source.read(length), profiles[index]), profiles[index]))
        except FrameError:
            answer = (0, 0)
        sink.write(struct.pack("<BI", *answer))
        sink.flush()
    return 0

def main(arguments):
    """The command line."""
    if len(arguments) == 2 and arguments[0] == "--verdicts":
        return verdicts(json.loads(arguments[1]), sys.stdin.buffer, sys.stdout.buffer)
    if len(arguments) not in (1, 3, 4) or len(arguments) > 1 and arguments[1] != "--fuzz":
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(arguments[0], encoding="utf-8") as file:
            vectors = json.load(file)
        numbers = [int(argument) for argument in arguments[2:]]
    except (OSError, ValueError) as error:
        print(f"gridmote_frame.py: {' '.join(arguments)}: {error}", file=sys.stderr)
        return 2
    return fuzz(vectors, *numbers) if numbers else check(vectors)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
