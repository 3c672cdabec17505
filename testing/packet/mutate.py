# SPDX-License-Identifier: GPL-2.0-only
"""Random changes of good frames."""
from wire import network_at, transport_at, word_sum

INTERESTING = [0, 1, 2, 7, 8, 19, 20, 21, 27, 28, 40, 41, 43, 44, 48, 51, 60, 0x7fff, 0x8000,
               0xffff]


def flip(draw, data):
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def set_byte(draw, data):
    data[draw.randrange(len(data))] = draw.randrange(256)


def set_small(draw, data):
    """In the headers: what numbers of protocols and lengths are."""
    data[draw.randrange(12, min(len(data), 90))] = draw.choice(INTERESTING) & 0xff


def set_word(draw, data):
    at = draw.randrange(len(data) - 1)
    data[at:at + 2] = draw.choice(INTERESTING).to_bytes(2, "big")


def swap_word(draw, data):
    one, two = (draw.randrange(0, len(data) - 1, 2) for _ in range(2))
    data[one:one + 2], data[two:two + 2] = data[two:two + 2], data[one:one + 2]


def cut(draw, data):
    del data[draw.randrange(14, len(data) + 1):]


def grow(draw, data):
    data += draw.randbytes(draw.randrange(1, 40))


def set_flags(draw, data):
    """TCP's, if it is TCP."""
    try:
        number, at = transport_at(data)
        if number == 6:
            data[at + 13] = draw.randrange(64)
    except IndexError:
        pass


def mend(data):
    """IPv4's checksum again, so that a change is not seen by it."""
    at = network_at(data)
    size = (data[at] & 15) * 4 if len(data) > at and data[at] >> 4 == 4 else 0
    if 20 <= size <= len(data) - at:
        data[at + 10:at + 12] = b"\0\0"
        total = word_sum(bytes(data[at:at + size]))
        data[at + 10:at + 12] = (0xffff - total).to_bytes(2, "big")


MUTATIONS = [flip, flip, set_byte, set_byte, set_small, set_word, set_word, swap_word, cut, grow,
             set_flags]


def mutate(draw, data):
    data = bytearray(data)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        if len(data) > 15:
            draw.choice(MUTATIONS)(draw, data)
    if draw.random() < 0.5:
        mend(data)
    return bytes(data)
