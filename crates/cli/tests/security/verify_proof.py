"""Verifies a proof of inclusion with nothing but docs/FORMAT.md and Python's standard library.

usage: verify_proof.py PROOF.json KEY.pub

Ed25519 is written out after RFC 8032, slowly and plainly: what matters is that none of it is shared
with the program that made the proof.
"""

import base64
import hashlib
import json
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        raise ValueError("not a point")
    return P - x if x & 1 != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P)
    return x % P, y % P


def multiply(scalar, point):
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decode_point(data):
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    return recover_x(y, number >> 255), y


def signed_by(key, message, signature):
    commitment, response = signature[:32], int.from_bytes(signature[32:], "little")
    if response >= ORDER:
        return False
    digest = hashlib.sha512(commitment + key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return multiply(response, BASE) == add(decode_point(commitment), multiply(challenge, decode_point(key)))


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_from_path(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        raise ValueError("the record lies outside the tree")
    node, last = leaf, size - 1
    for beside in path:
        if last == 0:
            raise ValueError("the path is too long")
        if index & 1 or index == last:
            node = sha256(b"\x01", beside, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, beside)
        index, last = index >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return node


def require(holds, what):
    if not holds:
        sys.exit(f"NOT VERIFIED: {what}")


def main(proof_file, key_file):
    proof = json.load(open(proof_file, encoding="utf-8"))
    name, key_id, encoded = open(key_file, encoding="utf-8").read().strip().split("+", 2)
    key_bytes = base64.b64decode(encoded)
    require(key_bytes[0] == 1 and len(key_bytes) == 33, "the key is not an Ed25519 key")
    key = key_bytes[1:]
    expected_id = sha256(name.encode(), b"\n\x01", key)[:4]
    require(expected_id.hex() == key_id, "the key's id is not its own")

    text, signatures = proof["checkpoint"].split("\n\n", 1)
    text += "\n"
    lines = [line.rsplit(" ", 1) for line in signatures.splitlines()]
    blobs = [base64.b64decode(blob) for head, blob in lines if head == f"\u2014 {name}"]
    blobs = [blob[4:] for blob in blobs if blob[:4] == expected_id]
    require(any(signed_by(key, text.encode(), blob) for blob in blobs), "the checkpoint is not signed by this key")

    origin, size, root = text.splitlines()[:3]
    require([origin, int(size), root] == [proof["origin"], proof["size"], proof["root"]], "the checkpoint is another one")
    body = proof["body"].encode()
    require(json.loads(body)["seq"] == proof["seq"], "the record has another number")
    leaf = sha256(b"\x00", body)
    require(base64.b64encode(leaf).decode() == proof["leaf"], "the leaf is not the record's")
    path = [base64.b64decode(node) for node in proof["path"]]
    try:
        found = root_from_path(leaf, proof["seq"], proof["size"], path)
    except ValueError as error:
        sys.exit(f"NOT VERIFIED: {error}")
    require(found == base64.b64decode(root), "the path does not lead to the root")
    print(f"verified: record {proof['seq']} is in the log of {size} records")


if __name__ == "__main__":
    main(*sys.argv[1:])
