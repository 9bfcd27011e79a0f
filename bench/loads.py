"""Loads that no program asked for: synthetic and adversarial sequences, so that nothing is tuned to traces. bench.py
says what they cost, placement.py what each placement makes of them. Each is the same at every run."""
PEAK = 32768  # bytes live at most, in all of them
OPERATIONS = 12000


class Load:
    """A trace in the making. Objects are IDs; sizes are in bytes."""

    def __init__(self, seed):
        self.lines, self.sizes, self.bytes, self.names, self.x = [], {}, 0, 0, seed

    def below(self, n):
        """xorshift32 (Marsaglia 2003), which every version of Python has alike."""
        self.x ^= self.x << 13 & 0xffffffff
        self.x ^= self.x >> 17
        self.x ^= self.x << 5 & 0xffffffff
        return self.x % n

    def alloc(self, size):
        name = self.names
        self.names += 1
        self.lines.append("a %d %d 0" % (name, size))
        self.sizes[name] = size
        self.bytes += size
        return name

    def resize(self, name, size):
        self.lines.append("r %d %d" % (name, size))
        self.bytes += size - self.sizes[name]
        self.sizes[name] = size

    def free(self, name):
        self.lines.append("f %d" % name)
        self.bytes -= self.sizes.pop(name)

    def fits(self, size):
        return self.bytes + size <= PEAK

    def going(self):
        return len(self.lines) < OPERATIONS

    def replace(self, size, least):
        """Allocates and frees at random so that between `least` per cent and all of PEAK are live."""
        ids, shrinking = [], False
        while self.going():
            n = size()
            shrinking = not self.fits(n) or shrinking and self.bytes * 100 > PEAK * least
            if shrinking:
                i = self.below(len(ids))
                ids[i], ids[-1] = ids[-1], ids[i]
                self.free(ids.pop())
            else:
                ids.append(self.alloc(n))


def random_50(load):
    """Random sizes to 256, random lifetimes; live bytes swing between 50 and 100 % of the peak."""
    load.replace(lambda: 1 + load.below(256), 50)


def random_90(load):
    """The same between 90 and 100 %."""
    load.replace(lambda: 1 + load.below(256), 90)


def random_99(load):
    """The same between 99 and 100 %."""
    load.replace(lambda: 1 + load.below(256), 99)


def skewed(load):
    """Many small ones, few large ones: each size to 4,096 as often as all of twice that size and more together."""
    load.replace(lambda: 1 + load.below(8 << min(load.below(512), load.below(512), load.below(512)) // 52), 70)


def one_size(load):
    """Objects of 24 bytes, replaced at random."""
    load.replace(lambda: 24, 80)


def two_sizes(load):
    """Objects of 16 and 28 bytes."""
    load.replace(lambda: (16, 28)[load.below(2)], 80)


def powers(load):
    """Sizes of 4, 8, 16, ... 1,024."""
    load.replace(lambda: 4 << load.below(9), 80)


def above_powers(load):
    """The same and one byte more."""
    load.replace(lambda: (4 << load.below(9)) + 1, 80)


def sawtooth(load):
    """Fills up, frees all but every eighth, and so on, with other sizes each time."""
    kept = []
    while load.going():
        ids, scale = [], 8 << load.below(5)
        while load.fits(scale * 2):
            ids.append(load.alloc(1 + load.below(scale * 2)))
        for i, name in enumerate(ids):
            (kept.append if i % 8 == 0 else load.free)(name)
        while len(kept) > 64:
            load.free(kept.pop(0))


def doubling(load):
    """Eight strings, each grown by doubling from 8 bytes to as much as 2,048, then begun anew."""
    ids = [load.alloc(8) for _ in range(8)]
    while load.going():
        i = load.below(8)
        if load.sizes[ids[i]] < 2048 and load.below(12):
            load.resize(ids[i], load.sizes[ids[i]] * 2)
        else:
            load.free(ids[i])
            ids[i] = load.alloc(8)


def appending(load):
    """Sixteen strings, each grown by 1 to 32 bytes at a time to as much as 1,500, then cut to size and kept a while."""
    ids, kept = [load.alloc(8) for _ in range(16)], []
    while load.going():
        i = load.below(16)
        if load.sizes[ids[i]] < 1500 and load.below(60):
            load.resize(ids[i], load.sizes[ids[i]] + 1 + load.below(32))
        else:
            load.resize(ids[i], load.sizes[ids[i]] * 3 // 4 + 1)
            kept.append(ids[i])
            ids[i] = load.alloc(8)
            if len(kept) > 12:
                load.free(kept.pop(load.below(12)))


def freed(load, order):
    while load.going():
        size = 8 + load.below(40)
        ids = []
        while load.fits(size):
            ids.append(load.alloc(size))
        for name in order(ids):
            load.free(name)


def freed_forward(load):
    """Many small ones, freed in the order of their addresses."""
    freed(load, lambda ids: ids)


def freed_backward(load):
    """... from the last to the first."""
    freed(load, reversed)


def freed_shuffled(load):
    """... in any order."""
    def shuffled(ids):
        for i in range(len(ids) - 1, 0, -1):
            j = load.below(i + 1)
            ids[i], ids[j] = ids[j], ids[i]
        return ids
    freed(load, shuffled)


def freed_alternating(load):
    """... first every second one, then the others."""
    freed(load, lambda ids: ids[::2] + ids[1::2])


def queue(load):
    """Messages of 16 to 400 bytes, first in, first out."""
    ids = []
    while load.going():
        size = 16 + load.below(385)
        while not load.fits(size):
            load.free(ids.pop(0))
        ids.append(load.alloc(size))


def stack(load):
    """Objects of 8 to 200 bytes, last in, first out, to random depths."""
    ids = []
    while load.going():
        depth = load.below(PEAK)
        while load.bytes < depth and load.fits(200):
            ids.append(load.alloc(8 + load.below(193)))
        while load.bytes > depth:
            load.free(ids.pop())


def pinned(load):
    """A buffer of 500 to 1,000 bytes comes and goes; each time a node of 20 bytes, made meanwhile, stays for long."""
    kept = []
    while load.going():
        buffer = load.alloc(500 + load.below(501))
        kept.append(load.alloc(20))
        load.free(buffer)
        if len(kept) > 300:
            load.free(kept.pop(load.below(300)))


def robson(load):
    """Robson's sequence (JACM 21, 1974) against first fit: sizes double, and from step to step there stays what keeps
    the most free bytes from being used. Units of 8 bytes, from 1 to 256 units; addresses as first fit gives them."""
    unit, objects = 8, []  # (start, units, name), by address

    def first_fit(units):
        at = 0
        for i, (start, n, _) in enumerate(objects + [(1 << 30, 0, None)]):
            if start - at >= units:
                objects.insert(i, (at, units, load.alloc(units * unit)))
                return
            at = start + n

    def holds(entry, residue, step):
        return (residue - entry[0]) % step < entry[1]

    residue, step = 0, 1
    while step <= 256:
        if step > 1:
            residue = max(residue, residue + step // 2,
                          key=lambda f: sum(step - o[1] for o in objects if holds(o, f, step)))
        for entry in [o for o in objects if not holds(o, residue, step)]:
            load.free(entry[2])
            objects.remove(entry)
        while load.fits(step * unit):
            first_fit(step)
        step *= 2


LOADS = [random_50, random_90, random_99, skewed, one_size, two_sizes, powers, above_powers, sawtooth, doubling,
         appending, freed_forward, freed_backward, freed_shuffled, freed_alternating, queue, stack, pinned, robson]


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for make in LOADS:
        load = Load(2463534242)
        make(load)
        path = folder / (make.__name__ + ".trace")
        path.write_text("# %s\n%s\n" % (make.__name__, "\n".join(load.lines)))
        paths.append(path)
    return paths
