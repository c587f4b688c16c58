// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "bindings/register.h"
#include "pyfate_cuda/kernel_table.h"

using namespace pyfate_cuda;
using namespace py::literals;

namespace {

using Address = uintptr_t;

// The kernels of one size, bound to one modulus.
class Ring {
 public:
  Ring(int limbs, Address constants, Limb negative_inverse)
      : modulus_{pointer<uint4>(constants), negative_inverse} {
    for (const KernelTable& table : kernel_tables()) {
      if (table.limbs == limbs) table_ = &table;
    }
    if (!table_) {
      throw py::value_error("there are no kernels for halves of " + std::to_string(limbs) +
                            " limbs; sizes() has those there are");
    }
  }

  int limbs() const { return table_->limbs; }

  template <class Arguments>
  void run(Operation<Arguments> KernelTable::* operation, const Arguments& arguments,
           Address stream) const {
    check((table_->*operation)(modulus_, arguments, reinterpret_cast<Stream>(stream)));
  }

 private:
  const KernelTable* table_ = nullptr;
  Modulus modulus_;
};

uint4* quads(Address address) {
  return pointer<uint4>(address);
}
const int64_t* indices(Address address) {
  return pointer<const int64_t>(address);
}
const Limb* limbs(Address address) {
  return pointer<const Limb>(address);
}

py::dict sizes() {
  py::dict all;
  for (const KernelTable& table : kernel_tables()) all[py::int_(table.limbs)] = table.shared_bytes;
  return all;
}

void register_elementwise(py::class_<Ring>& ring) {
  ring.def(
      "enter",
      [](const Ring& r, Address out, Address canonical, int pieces, int64_t rows, Address stream) {
        if (pieces < 1 || pieces >= Modulus::kPowers) {
          throw py::value_error("pieces is " + std::to_string(pieces) + "; it must be 1 to 4");
        }
        r.run(&KernelTable::enter, {quads(out), quads(canonical), pieces, rows}, stream);
      },
      "out"_a, "canonical"_a, "pieces"_a, "rows"_a, "stream"_a);
  ring.def(
      "leave",
      [](const Ring& r, Address out, Address a, int64_t rows, Address stream) {
        r.run(&KernelTable::leave, {quads(out), quads(a), rows}, stream);
      },
      "out"_a, "a"_a, "rows"_a, "stream"_a);
  ring.def(
      "multiply",
      [](const Ring& r, Address out, Address a, Address a_index, Address b, Address b_index,
         bool team, int64_t rows, Address stream) {
        r.run(&KernelTable::multiply,
              {quads(out), quads(a), indices(a_index), quads(b), indices(b_index), team, rows},
              stream);
      },
      "out"_a, "a"_a, "a_index"_a, "b"_a, "b_index"_a, "team"_a, "rows"_a, "stream"_a);
  ring.def(
      "square",
      [](const Ring& r, Address out, Address a, bool team, int64_t rows, Address stream) {
        r.run(&KernelTable::square, {quads(out), quads(a), team, rows}, stream);
      },
      "out"_a, "a"_a, "team"_a, "rows"_a, "stream"_a);
  ring.def(
      "multiply_plain",
      [](const Ring& r, Address out, Address a, Address a_index, Address plain, Address plain_index,
         int plain_limbs, int64_t rows, Address stream) {
        r.run(&KernelTable::multiply_plain,
              {quads(out), quads(a), indices(a_index), limbs(plain), indices(plain_index),
               plain_limbs, rows},
              stream);
      },
      "out"_a, "a"_a, "a_index"_a, "plain"_a, "plain_index"_a, "plain_limbs"_a, "rows"_a,
      "stream"_a);
}

void register_powers(py::class_<Ring>& ring) {
  ring.def(
      "power",
      [](const Ring& r, Address out, Address a, Address a_index, Address exponents,
         Address exponent_index, int exponent_stride, int exponent_bits, int window,
         Address scratch, int blocks, bool team, int64_t rows, Address stream) {
        r.run(&KernelTable::power,
              {quads(out), quads(a), indices(a_index), limbs(exponents), indices(exponent_index),
               exponent_stride, exponent_bits, window, quads(scratch), blocks, team, rows},
              stream);
      },
      "out"_a, "a"_a, "a_index"_a, "exponents"_a, "exponent_index"_a, "exponent_stride"_a,
      "exponent_bits"_a, "window"_a, "scratch"_a, "blocks"_a, "team"_a, "rows"_a, "stream"_a);
  ring.def(
      "fixed_base",
      [](const Ring& r, Address out, Address table, Address sign, Address exponents,
         int exponent_stride, int exponent_bits, int window, int parts, int64_t rows,
         Address stream) {
        r.run(&KernelTable::fixed_base,
              {quads(out), quads(table), quads(sign), limbs(exponents), exponent_stride,
               exponent_bits, window, parts, rows},
              stream);
      },
      "out"_a, "table"_a, "sign"_a, "exponents"_a, "exponent_stride"_a, "exponent_bits"_a,
      "window"_a, "parts"_a, "rows"_a, "stream"_a);
  ring.def(
      "horner",
      [](const Ring& r, Address out, Address a, int bits, bool team, int64_t rows, Address stream) {
        r.run(&KernelTable::horner, {quads(out), quads(a), bits, team, rows}, stream);
      },
      "out"_a, "a"_a, "bits"_a, "team"_a, "rows"_a, "stream"_a);
}

void register_reductions(py::class_<Ring>& ring) {
  ring.def(
      "segment_multiply",
      [](const Ring& r, Address out, Address a, Address index, Address offsets, int64_t segments,
         Address stream) {
        r.run(&KernelTable::segment_multiply,
              {quads(out), quads(a), indices(index), indices(offsets), segments}, stream);
      },
      "out"_a, "a"_a, "index"_a, "offsets"_a, "segments"_a, "stream"_a);
  ring.def(
      "prefix_products",
      [](const Ring& r, Address out, Address a, int64_t chains, int64_t rows, Address stream) {
        r.run(&KernelTable::prefix_products, {quads(out), quads(a), chains, rows}, stream);
      },
      "out"_a, "a"_a, "chains"_a, "rows"_a, "stream"_a);
  ring.def(
      "unwind_inverses",
      [](const Ring& r, Address out, Address a, Address prefixes, Address inverses, int64_t chains,
         int64_t rows, Address stream) {
        r.run(&KernelTable::unwind_inverses,
              {quads(out), quads(a), quads(prefixes), quads(inverses), chains, rows}, stream);
      },
      "out"_a, "a"_a, "prefixes"_a, "inverses"_a, "chains"_a, "rows"_a, "stream"_a);
}

void register_decryption(py::class_<Ring>& ring) {
  ring.def(
      "logarithm",
      [](const Ring& r, Address out, Address a, Address factor, Address failed, int64_t rows,
         Address stream) {
        r.run(&KernelTable::logarithm,
              {quads(out), quads(a), quads(factor), pointer<uint32_t>(failed), rows}, stream);
      },
      "out"_a, "a"_a, "factor"_a, "failed"_a, "rows"_a, "stream"_a);
  ring.def(
      "recombine",
      [](const Ring& r, Address out, Address residues_p, Address residues_q, Address p,
         Address inverse, int64_t rows, Address stream) {
        r.run(&KernelTable::recombine,
              {quads(out), quads(residues_p), quads(residues_q), quads(p), quads(inverse), rows},
              stream);
      },
      "out"_a, "residues_p"_a, "residues_q"_a, "p"_a, "inverse"_a, "rows"_a, "stream"_a);
}

}  // namespace

void register_ring(py::module_& m) {
  m.def("sizes", &sizes,
        "Limbs of a half that there are kernels for, ascending, and bytes of shared memory they "
        "take.");
  m.attr("powers_of_r") = Modulus::kPowers;
  m.attr("team") = kTeam;
  py::class_<Ring> ring(m, "Ring", py::module_local());
  ring.def(py::init<int, Address, Limb>(), py::arg("limbs"), py::arg("constants"),
           py::arg("negative_inverse"));
  ring.def_property_readonly("limbs", &Ring::limbs);
  register_elementwise(ring);
  register_powers(ring);
  register_reductions(ring);
  register_decryption(ring);
}
