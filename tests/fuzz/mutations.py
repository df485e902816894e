"""Seeded damage to files: of their bytes, and of what their bytes mean.

Every mutation is a function of the content and of a generator. Those that know a format keep what
a parser checks first (lengths, checksums, packing), so that what lies behind is reached as well.
"""

import copy
import gzip
import io
import json
import re
import struct
import warnings
import zipfile
import zlib

#: Numbers at which arithmetic of sizes goes wrong.
NUMBERS = [0, 1, 2, 3, 7, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
NUMBERS += [2**33, 2**40, 2**53, 2**60, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30]
TYPES = ["<f4", ">f8", "|b1", "<f2", "<u8", "|S5", "<U7", "|O", "<c16", "<M8[ns]", "V16", "|S0"]
TYPES += ["<f16", "f4,i4", "[('a', '<f4')]", "<i3", "|u1", "nonsense", "T", "<f99999999999"]
#: Values that no field of JSON should survive unseen.
VALUES = [None, True, -1, 0, 1, 2**31, 2**60, 2**63, 10**40, 1.5, -0.0, 1e308, float("nan"), ""]
VALUES += ["x" * 3000, "../../outside", "/etc/passwd", "\0", "\ud800", "表", [], {}, [[]], [0, 0]]
VALUES += [[-1], [2**60, 2**60], [1] * 40, {"a": 1}, "<f4", "float64", "|O", "pickle", "bytes"]
NAMES = ["../../outside.npy", "/outside.npy", "ids.npy", "columns.npy", "\0.npy", "a" * 300, ""]
WORDS = [b"nan", b"inf", b"1e999", b'"', b'""', b",", b"\t", b"\n", b"\r\n", b"\0", b"\xff", b";"]
WORDS += [b"Metadata_", b"Unnamed: 0", b"\xef\xbb\xbf", b"0x10", b"1_000", b"9" * 400, b"-", b"NA"]


def pick(rng, options):
    """Return one of several, as it is."""
    return options[int(rng.integers(len(options)))]


def place(rng, content):
    """Return a place in the content; heads and tails, where structure lies, more often."""
    n = max(1, len(content))
    near = int(min(rng.exponential(n / 20 + 8), n - 1))
    return pick(rng, [near, n - 1 - near, int(rng.integers(n))])


def change_bytes(content, rng):
    """Set one to eight bytes, or flip a bit of them."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9)) if changed else 0):
        at = place(rng, changed)
        changed[at] = pick(rng, [int(rng.integers(256)), changed[at] ^ (1 << int(rng.integers(8)))])
    return bytes(changed)


def cut(content, rng):
    """Keep the beginning, or the end."""
    at = place(rng, content)
    return pick(rng, [content[:at], content[:at], content[at:]])


def splice(content, rng):
    """Copy one stretch over, before, or instead of another."""
    begin, at = place(rng, content), place(rng, content)
    length = int(min(rng.exponential(32) + 1, 4096))
    part = pick(rng, [content[begin : begin + length], bytes(length), rng.bytes(length), b""])
    return content[:at] + part + content[at + pick(rng, [0, len(part), length]) :]


def put_number(content, rng):
    """Write a number at which sizes go wrong over some bytes."""
    form = pick(rng, ["<B", "<H", "<I", "<Q", ">I", ">Q", "<i", "<q"])
    width = struct.calcsize(form)
    if len(content) < width:
        return content
    at = min(place(rng, content), len(content) - width)
    number = pick(rng, NUMBERS) + int(rng.integers(-1, 2))
    raw = (number % 2 ** (8 * width)).to_bytes(width, "little" if form[0] == "<" else "big")
    return content[:at] + raw + content[at + width :]


def put_digits(content, rng):
    """Write such a number over a number that is written in digits."""
    found = list(re.finditer(rb"-?\d+", content[:20_000]))
    if not found:
        return change_bytes(content, rng)
    hit = pick(rng, found)
    number = pick(rng, NUMBERS) * pick(rng, [1, 1, 1, -1])
    return content[: hit.start()] + str(number).encode() + content[hit.end() :]


def put_word(content, rng):
    """Put in a word that text is cut or read by."""
    at = place(rng, content)
    return content[:at] + pick(rng, WORDS) + content[at + int(rng.integers(3)) :]


BINARY = [change_bytes, change_bytes, cut, splice, put_number, put_number, put_digits]
TEXT = [change_bytes, cut, splice, put_digits, put_word, put_word, put_word]


def damage(content, rng):
    """Damage bytes without regard to what they mean, once or twice."""
    for _ in range(int(rng.integers(1, 3))):
        content = pick(rng, BINARY)(content, rng)
    return content


def damage_text(content, rng):
    """Damage text with separators, several times."""
    for _ in range(int(rng.integers(1, 5))):
        content = pick(rng, TEXT)(content, rng)
    return content


def damage_npy(content, rng):
    """Change what the header of an ``.npy`` says, and keep its length right."""
    if len(content) < 12 or rng.random() < 0.3:
        return damage(content, rng)
    (length,) = struct.unpack("<H", content[8:10])
    header, body = content[10 : 10 + length], content[10 + length :]
    shape = ", ".join(str(pick(rng, NUMBERS)) for _ in range(int(rng.integers(5))))
    changes = [
        lambda text: re.sub(rb"'shape': \([^)]*\)", f"'shape': ({shape})".encode(), text),
        lambda text: re.sub(rb"'descr': '[^']*'", f"'descr': {pick(rng, TYPES)!r}".encode(), text),
        lambda text: text.replace(b"False", b"True"),
        lambda text: damage_text(text, rng),
        lambda text: text.replace(b"'shape'", pick(rng, [b"'shap'", b"'descr'", b"__import__"])),
    ]
    header = pick(rng, changes)(header)
    version = pick(rng, [b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"])
    form = "<H" if version[0] == 1 else "<I"
    size = struct.pack(form, len(header) % 2**16)
    return content[:6] + version + size + header + pick(rng, [body, body, cut(body, rng)])


def damage_zip(content, rng):
    """Damage a member of an archive and pack it anew, so that its checksum is right."""
    if rng.random() < 0.4:
        return damage(content, rng)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(out, "w") as made,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of a name that is there already, which is the point
        members = archive.infolist()
        odd = pick(rng, members).filename
        for info in members:
            name, raw = info.filename, archive.read(info)
            if name == odd:
                raw = pick(rng, [damage_npy, damage_npy, damage])(raw, rng)
                name = pick(rng, [name, name, name, *NAMES]) or name
            packing = pick(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
            made.writestr(zipfile.ZipInfo(name), raw, packing)
    packed = out.getvalue()
    return pick(rng, [packed, packed, put_number(packed, rng)])


def damage_json(content, rng):
    """Change, drop, double or rename fields anywhere in JSON."""
    try:
        held = json.loads(content)
    except ValueError:
        return damage_text(content, rng)
    if rng.random() < 0.25:
        return damage_text(content, rng)
    for _ in range(int(rng.integers(1, 4))):
        _change_field(held, rng)
    return json.dumps(held).encode("utf-8", "replace")


def _change_field(held, rng):
    node = held
    while isinstance(node, dict | list) and node:
        key = pick(rng, list(node)) if isinstance(node, dict) else int(rng.integers(len(node)))
        child = node[key]
        if isinstance(child, dict | list) and child and rng.random() < 0.7:
            node = child
            continue
        _replace_field(node, key, rng)
        return


def _replace_field(node, key, rng):
    move = int(rng.integers(6))
    if move == 0 and isinstance(node, dict):
        del node[key]
    elif move == 1 and isinstance(node, dict):
        node[str(pick(rng, VALUES))[:50]] = node.pop(key)
    elif move == 2 and isinstance(node[key], int):
        node[key] = pick(rng, NUMBERS) * pick(rng, [1, 1, -1])
    elif move == 3 and isinstance(node[key], str):
        # JSON in a string of JSON is how metadata of .safetensors are kept
        raw = node[key].encode("utf-8", "replace")
        node[key] = damage_json(raw, rng).decode("utf-8", "replace")
    elif move == 4:
        node[key] = [node[key]]
    else:
        node[key] = copy.deepcopy(pick(rng, VALUES))


def damage_safetensors(content, rng):
    """Change what the header says, and keep its length right."""
    if rng.random() < 0.3 or len(content) < 8:
        return damage(content, rng)
    length = int.from_bytes(content[:8], "little")
    header, body = content[8 : 8 + length], content[8 + length :]
    header = damage_json(header, rng)
    if rng.random() < 0.2:
        body = cut(body, rng)
    return len(header).to_bytes(8, "little") + header + body


def damage_footer(content, rng):
    """Damage the footer of a Parquet file, in which all of its structure lies."""
    if rng.random() < 0.3 or len(content) < 12:
        return damage(content, rng)
    length = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - length], content[-8 - length : -8]
    footer = damage(footer, rng)
    return body + footer + len(footer).to_bytes(4, "little") + content[-4:]


def damage_gzip(content, rng):
    """Damage what is packed and pack it anew, or damage the packing."""
    if rng.random() < 0.4:
        return damage(content, rng)
    raw = damage_text(gzip.decompress(content), rng)
    packed = gzip.compress(raw, 1, mtime=0)
    return pick(rng, [packed, packed + packed, packed + b"after it", packed[:-4]])


def damage_idx(content, rng):
    """Damage a head of few bytes, packed or not."""
    if content[:2] != b"\x1f\x8b":
        return pick(rng, [damage, put_number])(content, rng)
    if rng.random() < 0.5:
        return damage(content, rng)
    return gzip.compress(put_number(gzip.decompress(content), rng), 1, mtime=0)


def damage_mat(content, rng):
    """Damage what is packed inside a MATLAB file, and pack it anew."""
    if rng.random() < 0.4 or content[128:129] != b"\x0f":
        return damage(content, rng)
    unpacker = zlib.decompressobj()
    inside = unpacker.decompress(content[136:])
    packed = zlib.compress(pick(rng, [damage, put_number])(inside, rng), 1)
    return content[:128] + struct.pack("<II", 15, len(packed)) + packed + unpacker.unused_data
