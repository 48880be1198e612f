# SPDX-License-Identifier: BSD-3-Clause
"""What a power failure leaves: of all that was written through tests/torture/shim_disk.c and not synced, some is gone.

Each 4096-byte page that was written and not synced is lost or kept by itself; so is the length of each file. Of what
was done in a folder and not synced (create, rename, unlink) the last so many are undone.
"""

import os
from collections import defaultdict

PAGE = 4096


class Record:
    def __init__(self, at, words, old=b""):
        self.at, self.verb, self.inode, self.old = at, words[0], int(words[1]), old
        if self.verb == "data":
            self.offset, self.length, self.size = map(int, words[2:5])
        elif self.verb == "synced":
            self.end = int(words[2])
        else:
            self.paths = words[2:]


def read_log(path):
    records, at = [], 0
    text = path.read_bytes() if path.exists() else b""
    while b"\n" in text[at:]:
        end = text.index(b"\n", at) + 1
        words = text[at:end].decode().split()
        n = int(words[5]) if words[0] == "data" else 0
        if end + n > len(text):
            break  # killed before it wrote
        records.append(Record(at, words, text[end:end + n]))
        at = end + n
    return records


class PowerFailure:
    """Of a folder of files, with the log that the shim kept in `undo`."""

    def __init__(self, folder, undo, chance):
        self.folder, self.undo, self.chance = folder, undo, chance
        self.loss = chance.choice([0.3, 0.7, 1.0])  # of a page
        self.lost_pages, self.lost_sizes = {}, {}
        self.n_lost = 0  # bytes

    def strike(self):
        records = read_log(self.undo / "log")
        synced = defaultdict(int)
        for r in records:
            if r.verb == "synced":
                synced[r.inode] = max(synced[r.inode], r.end)
        left = [r for r in records if r.verb != "synced" and r.at >= synced[r.inode]]
        entries = [r for r in left if r.verb != "data"]
        undone = entries[self.chance.randint(0, len(entries)):]
        for r in reversed(left):
            if r.verb == "data":
                self.undo_data(r)
            elif r in undone:
                self.undo_entry(r)
        for path in self.undo.iterdir():
            path.unlink()

    def find(self, inode):
        for path in [*self.folder.iterdir(), *self.undo.iterdir()]:
            if path.stat().st_ino == inode:
                return path
        return None

    def is_lost(self, key, table):
        if key not in table:
            table[key] = self.chance.random() < self.loss
        return table[key]

    def undo_data(self, r):
        path = self.find(r.inode)
        if not path:
            return
        old = r.old.ljust(r.length, b"\0")
        with open(path, "r+b") as f:
            size = f.seek(0, os.SEEK_END)
            for first in range(r.offset - r.offset % PAGE, r.offset + r.length, PAGE):
                a, b = max(first, r.offset), min(first + PAGE, r.offset + r.length, size)
                if a < b and self.is_lost((r.inode, first), self.lost_pages):
                    f.seek(a)
                    f.write(old[a - r.offset:b - r.offset])
                    self.n_lost += b - a
            if size > r.size and self.is_lost(r.inode, self.lost_sizes):
                f.truncate(r.size)

    def undo_entry(self, r):
        if r.verb == "create" and os.path.exists(r.paths[0]):
            os.unlink(r.paths[0])
        if r.verb == "rename" and not os.path.exists(r.paths[0]) and os.path.exists(r.paths[1]):
            os.rename(r.paths[1], r.paths[0])
        if r.verb in ("rename", "unlink") and r.paths[-1] != "-" and not os.path.exists(r.paths[-2]):
            os.link(r.paths[-1], r.paths[-2])
