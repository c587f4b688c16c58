# SPDX-License-Identifier: Apache-2.0
"""One script for HEU and for ours: python script.py heu|ours KEY_BITS > answers.json

Each line is an expression of HEU's interface; the answer is what it gives, decrypted and decoded, or
"refused". Run by ../run_heu.py, which compares the answers.
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
MODULE = {"heu": "heu", "ours": "pyfate_gpu.integrations.heu"}[sys.argv[1]]
phe = importlib.import_module(f"{MODULE}.phe")
hnp = importlib.import_module(f"{MODULE}.numpy")

kit = hnp.setup(phe.SchemaType.ZPaillier, int(sys.argv[2]))
other = hnp.setup(kit.public_key())
enc, dec, ev = kit.encryptor(), kit.decryptor(), kit.evaluator()
one = phe.setup(kit.public_key(), kit.secret_key())
e, d, v = one.encryptor(), one.decryptor(), one.evaluator()

ARRAYS = {
    "M": [[1, 2, 3], [4, 5, 6]], "W": [[1, 0], [2, 1], [-1, 3]], "v3": [1, 2, 3], "v2": [10, 20], "v1": [5],
    "s": 3, "row": [[1, 2, 3]], "col": [[1], [2]], "one": [[7]], "big": [2**70, -(2**80)],
}  # fmt: skip
P = {name: kit.array(np.array(value)) for name, value in ARRAYS.items()}
C = {name: other.encryptor().encrypt(value) for name, value in P.items()}
a, b, p, q = e.encrypt_raw(5), e.encrypt(one.plaintext(-7)), one.plaintext(-7), one.plaintext(2)
x = np.arange(1, 11).reshape(5, 2)
X = {"C": enc.encrypt(kit.array(x)), "P": kit.array(x)}
bins = np.array([[0, 1], [1, 1], [2, 0], [0, 2], [1, 0]], dtype=np.int8)
group = np.array([1, 1, 0, 1, 1], dtype=np.int8)
ie, fe = one.integer_encoder(10), one.float_encoder(10)
be, bf = one.batch_integer_encoder(), one.batch_float_encoder()
PAIRS = np.array([[1, -2], [3, -4]])


def changed(array, key, value):
    array[key] = value
    return array


def in_place(method, value, *arguments):
    c = e.encrypt_raw(value)
    method(c, *arguments)
    return c


def again(value):
    return type(value).load_from(value.serialize())


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def fresh(name):
    return enc.encrypt(kit.array(np.array(ARRAYS[name])))


LINES = """
phe.parse_schema_type("z-paillier").name
phe.parse_schema_type("paillier").name
phe.parse_schema_type("ZPaillier").name
phe.parse_schema_type("zzz")
kit.get_schema().name
p + q, p - q, p * q, p / q, p % q, p & q, p | q, p ^ q, p << 3, p >> 1, -p
p == q, p != q, p < q, p <= q, p > q, p >= q, p == -7
p.bit_count(), int(p), [10, 20, 30][q], p.is_compatible(phe.SchemaType.OU)
p.to_bytes(4, "little").hex(), p.to_bytes(4, "big").hex(), p.to_bytes(1, "big").hex()
one.plaintext(300).to_bytes(1, "big").hex(), one.plaintext(-300).to_bytes(1, "little").hex()
p / one.plaintext(0)
p + 1
one.plaintext(1.5)
pickled(p)
hash(p)
v.add(a, b), v.add(a, p), v.add(p, a), v.sub(a, b), v.sub(a, p), v.sub(p, a)
v.mul(a, -3), v.mul(-3, a), v.mul(a, q), v.mul(q, a), v.mul(a, np.int64(3)), v.negate(a)
v.add(a, 3)
v.add(p, q)
v.mul(a, b)
v.mul(a, 1.5)
in_place(v.add_inplace, 5, b), in_place(v.add_inplace, 5, p), in_place(v.sub_inplace, 5, b)
in_place(v.mul_inplace, 5, 3), in_place(v.negate_inplace, 5)
d.decrypt_raw(e.encrypt_raw(-(2**300)))
e.encrypt_raw("5")
d.decrypt_in_range(a), d.decrypt_in_range(e.encrypt_raw(255), range_bits=8)
d.decrypt_in_range(e.encrypt_raw(256), 8)
e.encrypt(one.plaintext(2**4000))
again(a), pickled(a), again(C["M"]), pickled(C["M"]), again(P["M"]), pickled(P["big"])
phe.setup(again(kit.public_key()), again(kit.secret_key())).decryptor().decrypt(a)
d.decrypt(phe.setup(pickled(kit.public_key())).encryptor().encrypt_raw(9))
phe.PublicKey.load_from(b"xx")
hnp.CiphertextArray.load_from(b"xx")
other.decryptor()
ie.encode(5), ie.encode(5.9), ie.encode(-5.9), ie.decode(one.plaintext(57)), ie.decode(one.plaintext(-57))
fe.encode(0.19), fe.encode(-0.19), fe.encode(3), fe.decode(one.plaintext(-57)), fe.decode(one.plaintext(2**200))
one.bigint_encoder().encode(-5), phe.BigintDecoder().decode(p), phe.IntegerEncoder(kit.get_schema()).encode(2)
one.bigint_encoder().encode(5.5)
[be.encode(*pair) for pair in ((1, 2), (2**63 - 1, 5), (0, 0))]
[be.decode(be.encode(*pair)) for pair in ((1, 2), (-1, 2), (1, -2), (-1, -2), (2**63 - 1, -(2**63)), (0, 0))]
bf.encode(1.2345678, 0.5), bf.decode(bf.encode(1.2345678, -0.5))
be.decode(be.encode(-1, 2) + be.encode(-5, -9)), be.decode(be.encode(-1, 2) * one.plaintext(-3))
be.encode(1.5, 2)
be.encode(2**63, 1)
phe.IntegerEncoder(kit.get_schema(), -10).encode(5), phe.IntegerEncoder(kit.get_schema(), -10).decode(p)
phe.BatchIntegerEncoder(kit.get_schema(), 1, -5)
phe.IntegerEncoder(kit.get_schema(), 10.0)
p.to_bytes(-1, "big")
p.to_bytes(0, "big").hex(), kit.array([300]).to_bytes(0, "big").hex()
p << -1
str(phe.IntegerEncoderParams(10)), str(phe.BatchFloatEncoderParams()), str(phe.BigintEncoderParams())
pickled(phe.FloatEncoderParams(7)).instance(kit.get_schema()).encode(2)
kit.array(5), kit.array([1, 2]), kit.array((1, 2)), kit.array([[1, 2], [3, 4]]), kit.array(np.zeros((0, 3)))
kit.array(np.array([1.5, -2.5])), kit.array(np.array([1, 2], dtype=np.uint64)), kit.array(np.array([p, q]))
kit.array(np.array([True, False]))
kit.array(np.zeros((1, 1, 1)))
kit.array([float("nan")], phe.FloatEncoderParams())
kit.array([1.25, -2.56], phe.FloatEncoderParams(10)).to_numpy(fe)
kit.array([[1.25, -2.56]], phe.IntegerEncoderParams(10)).to_numpy(ie)
kit.array([[1.25, -2.56]], phe.IntegerEncoderParams(10)).to_numpy(encoder=fe)
kit.array(PAIRS, phe.BatchIntegerEncoderParams()).to_numpy(be)
kit.array(PAIRS / 4, phe.BatchFloatEncoderParams()).to_numpy(bf)
kit.array([1, 2], be).to_numpy(be)
kit.array([1, 2, 3], be)
kit.array(PAIRS, be).transpose().to_numpy(be)
hnp.array([1.5, 2], kit.float_encoder()), hnp.array(np.array([1, 2]), encoder=kit.bigint_encoder())
dec.decrypt(ev.add(enc.encrypt(kit.array(PAIRS, be)), enc.encrypt(kit.array(PAIRS, be)))).to_numpy(be)
dec.decrypt(ev.mul(enc.encrypt(kit.array(PAIRS, be)), kit.array(np.array([[3], [-2]], np.int8)))).to_numpy(be)
dec.decrypt(enc.encrypt(kit.array(PAIRS, be)[:, 0])).to_numpy(be)
repr(hnp.Shape(3, 4)), str(hnp.Shape([3])), len(hnp.Shape(3, 4)), list(hnp.Shape(3, 4)), hnp.Shape(3, 4)[-1]
list(hnp.Shape(3, 4)[0:1])
C["M"].rows, C["M"].cols, C["M"].ndim, C["M"].size, C["v3"].rows, C["v3"].cols, C["s"].ndim, C["s"].size
C["M"].transpose(), P["M"].transpose()
C["v3"].transpose()
C["M"][0], C["M"][0, 1], C["M"][1:], C["M"][:, 1], C["M"][:, 1:3], C["M"][[0, 1]], C["M"][[0, 1], 1]
C["M"][[0, 1], [1, 2]], C["M"][-1], C["M"][:, -1], C["M"][::-1], C["M"][0:0], C["M"][[]], C["v3"][0], C["v3"][[0, -1]]
P["M"][0], P["M"][0, 1], P["M"][1:], P["M"][:, 1], P["M"][[0, 1], [1, 2]], P["v3"][1:]
C["M"][(0,)], C["M"][(-1,)], C["v3"][(1,)], C["M"][range(2)], C["M"][0, [1]], C["M"][()], P["M"][(1,)]
ev.add(C["M"], C["M"][(0,)]), ev.select_sum(C["M"], (1,))
C["M"][5]
C["M"][-3]
C["M"][0, 9]
C["M"][1, 2, 3]
C["M"][1.5]
C["M"][None]
C["s"][0]
changed(fresh("M"), (0, 0), enc.encrypt(one.plaintext(50))), changed(fresh("M"), 0, fresh("v3"))
changed(fresh("M"), 0, fresh("row")), changed(fresh("M"), (slice(None), 1), fresh("v2"))
changed(fresh("v3"), slice(0, 2), fresh("v2")), changed(kit.array([1, 2]), 1, one.plaintext(9))
changed(fresh("M"), (slice(0, 2), slice(0, 1)), fresh("col"))
changed(fresh("M"), 0, 5)
changed(fresh("M"), 0, fresh("v2"))
changed(fresh("v3"), 0, one.plaintext(5))
P["M"].to_bytes(2, "big").hex(), P["M"].to_bytes(4, "little").hex()
P["big"].to_bytes(4, "little").hex(), P["big"].to_bytes(9, "big").hex()
P["M"].to_bytes(2, "x")
ev.sum(C["M"]), ev.sum(P["M"]), ev.sum(C["s"]), ev.sum(C["v3"])
ev.sum(kit.array(np.zeros(0)))
ev.select_sum(C["M"], [0, 1]), ev.select_sum(C["M"], ([0, 1], [0, 2])), ev.select_sum(C["v3"], [0, 0])
ev.select_sum(C["v3"], []), ev.select_sum(C["M"], (slice(None), 1)), ev.select_sum(P["v3"], [0, 2])
ev.select_sum(C["v3"], 5)
ev.batch_select_sum(C["v3"], [[0, 1], [2], []]), ev.batch_select_sum(C["M"], [[0], [0, 1], ([0], [1])])
ev.batch_select_sum(P["v3"], [[0, 1], [2]]), ev.batch_select_sum(C["M"], [])
ev.feature_wise_bucket_sum(X["C"], group, bins, 3, False), ev.feature_wise_bucket_sum(X["C"], group, bins, 3, True)
ev.feature_wise_bucket_sum(X["P"], group, bins, 3, False), ev.feature_wise_bucket_sum(X["P"], group, bins, 3, True)
ev.feature_wise_bucket_sum(enc.encrypt(kit.array([1, 2, 3, 4, 5])), group, bins, 3, False)
ev.batch_feature_wise_bucket_sum(X["C"], [group, 1 - group], bins, 3, True)
ev.batch_feature_wise_bucket_sum(X["P"], [group, 1 - group], bins, 3, False)
ev.batch_feature_wise_bucket_sum(X["C"], [], bins, 3, False)
hnp.random.randint(one.plaintext(3), one.plaintext(4), hnp.Shape(2, 3)), hnp.random.randint(p, q, (2,)).shape
hnp.random.randbits(kit.get_schema(), 20, hnp.Shape(3)).size
hnp.random.randint(q, q, (2,))
hnp.tree_predict(np.array([[1.0, 2.0], [3.0, 4.0]]), [0, -1, 1], [2.0, 0.0, 3.0])
hnp.tree_predict(np.array([[2.0, 3.0], [0, 9]]), [0, 1, -1, 0, 0, 1, 1], [2.0, 3.0, 3.0, 1, 1, 1, 5])
hnp.tree_predict_with_indices(np.array([[2.0, 3.0], [0.0, 9.0], [5.0, 1.0]]), [0, 1], [2.0, 3.0], [0, 2], [1, 5, 6])
hnp.tree_predict_with_indices(np.array([[2.0, 3.0], [0.0, 9.0], [5.0, 1.0]]), [-1, 1], [2.0, 3.0], [0, 2], [1, 5, 6])
ev.phe.add(enc.encrypt(p), q), enc.phe.encrypt_raw(4), dec.phe.decrypt_raw(a), dec.decrypt_in_range(C["M"])
dec.decrypt_in_range(C["M"], 2)
enc.encrypt_with_audit(P["v3"])[0], e.encrypt_with_audit(p)[0], enc.encrypt_with_audit(P["v3"])[1][1][:5]
phe.setup("z-paillier", 1023)
hnp.HeKit(one).decryptor().decrypt(C["M"])
C["M"] + C["M"]
""".strip().split("\n")  # fmt: skip

BROADCASTS = [
    ("M", "M"), ("M", "v3"), ("M", "v2"), ("v2", "M"), ("M", "row"), ("row", "M"), ("M", "col"), ("M", "s"), ("s", "M"),
    ("v3", "v3"), ("v3", "v2"), ("s", "s"), ("v3", "s"), ("one", "M"), ("v3", "row"), ("row", "col"), ("v3", "one"),
    ("v1", "v3"), ("v1", "M"), ("v1", "s"), ("big", "v2"),
]  # fmt: skip
PRODUCTS = [
    ("M", "W"), ("W", "M"), ("M", "v3"), ("v2", "M"), ("v3", "v3"), ("v3", "W"), ("s", "s"), ("M", "M"), ("row", "W"),
    ("v3", "row"), ("W", "v2"), ("W", "big"),
]  # fmt: skip
for left in "CP":
    for right in "CP":
        for name in ("add", "sub", "mul"):
            LINES += [f'ev.{name}({left}["{m}"], {right}["{n}"])' for m, n in BROADCASTS]
        LINES += [f'ev.matmul({left}["{m}"], {right}["{n}"])' for m, n in PRODUCTS]


def answer(value):
    """A value as JSON, decrypted."""
    if isinstance(value, tuple | list):
        return [answer(each) for each in value]
    if isinstance(value, hnp.CiphertextArray):
        return ["CiphertextArray", answer(dec.decrypt(value))]
    if isinstance(value, phe.Ciphertext):
        return ["Ciphertext", int(d.decrypt(value))]
    if isinstance(value, hnp.PlaintextArray):
        return ["PlaintextArray", list(value.shape), value.ndim, value.to_numpy().tolist()]
    if isinstance(value, phe.Plaintext):
        return ["Plaintext", int(value)]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.tolist()]
    if isinstance(value, hnp.Shape):
        return list(value)
    return value


def main():
    answers = {
        "names": [
            sorted(n for n in dir(m) if n[0] != "_" and n != "annotations") for m in (phe, hnp)
        ]
    }
    for line in LINES:
        try:
            answers[line] = answer(eval(line))
        except Exception:
            answers[line] = "refused"
    json.dump(answers, sys.stdout)


main()
