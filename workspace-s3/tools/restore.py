#!/usr/bin/env python3
"""Restores a snapshot without workspace-fleet. docs/snapshot-format.md says what each byte means.

    restore.py OBJECTS TARGET [VERSION]

OBJECTS is a copy of <prefix>/<project id>/ with packs/ and snapshots/ in it, as `rclone copy` or `aws s3 sync` makes
it; TARGET must not exist; VERSION is the name of a snapshot, the newest when absent.
Needs Python 3.8 and the packages zstandard and blake3. Restore into a place that only you can write to.
"""
import os
import struct
import sys
from functools import lru_cache
from pathlib import Path

import zstandard
from blake3 import blake3


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise SystemExit("damaged: it ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self):
        value = self.number()
        return value >> 1 if value % 2 == 0 else -(value >> 1) - 1

    def string(self):
        return self.take(self.number())

    def meta(self):
        return self.number(), self.signed() * 1_000_000_000 + self.number()  # mode, nanoseconds

    def hashes(self):
        return [self.take(32) for _ in range(self.number())]


def check(good, what):
    if not good:
        raise SystemExit(f"damaged: {what}")


def read_snapshot(path):
    data = path.read_bytes()
    check(data[:16] == b"wsf-snap" + struct.pack("<HB5x", 1, 0), f"{path.name} is no plain snapshot of version 1")
    check(blake3(data[:-32]).digest() == data[-32:], f"{path.name} has another hash")
    body = Bytes(data[16:-32])
    body.take(16 + 8 + 16 + 8 + 1)  # project, generation, id, time, profile
    body.string()  # message
    meta, parts = body.meta(), body.hashes()
    body.number(), body.number()  # files, bytes
    return meta, parts, [(body.take(32), body.number(), body.number()) for _ in range(body.number())]


class Store:
    """All pieces of a snapshot's packs: hash -> where it is."""

    def __init__(self, packs, listed):
        self.pieces, self.segment = {}, lru_cache(16)(self.segment)
        for name, size, _ in listed:
            path = packs / name.hex()
            with path.open("rb") as file:
                file.seek(size - 64)
                footer = file.read(64)
                _, start, length = struct.unpack("<QQQ", footer[:24])
                file.seek(start)
                index = file.read(length)
            check(footer[56:] == b"wsf-tail" and blake3(index).digest() == footer[24:56], f"{path.name}: its index")
            index, offset = Bytes(index), 16
            for _ in range(index.number()):
                index.take(1)  # kind
                stored, raw, first = index.number(), index.number(), 0
                for _ in range(index.number()):
                    length, piece = index.number(), index.take(32)
                    self.pieces.setdefault(piece, (path, offset, stored, raw, first, length))
                    first += length
                offset += stored

    def segment(self, path, offset, stored, raw):
        with path.open("rb") as file:
            file.seek(offset)
            return zstandard.ZstdDecompressor().decompress(file.read(stored), max_output_size=raw)

    def piece(self, name):
        check(name in self.pieces, f"piece {name.hex()} is in no pack")
        path, offset, stored, raw, first, length = self.pieces[name]
        data = self.segment(path, offset, stored, raw)[first:first + length]
        check(blake3(data).digest() == name, f"piece {name.hex()} in {path.name} has another hash")
        return data


def read_entry(part):
    kind, name, (mode, time), link = part.take(1)[0], part.string(), part.meta(), 0
    check(name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name, f"the name {name!r}")
    if kind == 0:
        size, link, content = part.number(), int.from_bytes(part.take(8), "little"), []
        for _ in range(part.number()):
            number = part.number()
            content.append((number >> 1, None if number & 1 else part.take(32)))
        content = size, content
    else:
        content = part.hashes() if kind == 1 else part.string()
    part.string()  # what later versions add
    return kind, name, mode, time, link, content


def write_file(store, path, mode, time, size, extents):
    with open(path, "xb") as file:
        for length, piece in extents:
            if piece is None:
                file.seek(length, os.SEEK_CUR)
            else:
                file.write(store.piece(piece))
        file.truncate(size)
    os.chmod(path, mode)
    os.utime(path, ns=(time, time))


def restore(store, path, mode, time, parts, links):
    os.mkdir(path, 0o700)
    for piece in parts:
        part = Bytes(store.piece(piece))
        check(part.take(1) == b"\1", "a directory is of a later version")
        for _ in range(part.number()):
            kind, name, of_entry, at, link, content = read_entry(part)
            inside = os.path.join(path, name)
            if kind == 1:
                restore(store, inside, of_entry, at, content, links)
            elif kind == 2:
                os.symlink(content, inside)
                os.utime(inside, ns=(at, at), follow_symlinks=False)
            elif link and link in links:
                os.link(links[link], inside)
            else:
                links[link] = inside
                write_file(store, inside, of_entry, at, *content)
    os.chmod(path, mode)
    os.utime(path, ns=(time, time))


def main(objects, target, version=None):
    snapshots = Path(objects) / "snapshots"
    version = version or max(os.listdir(snapshots))
    (mode, time), parts, packs = read_snapshot(snapshots / version)
    sys.setrecursionlimit(10_000)
    restore(Store(Path(objects) / "packs", packs), os.fsencode(target), mode, time, parts, {})
    print(f"restored {version} into {target}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
