// SPDX-License-Identifier: Apache-2.0
// Where secrets lie in memory: this reads the memory of its own process. While a private key is in
// use every copy of p is in pages that are left out of core dumps; once the key is gone, there is
// none.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cinttypes>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bigint/secure_memory.h"
#include "paillier/private_context.h"
#include "simd_scaffold.h"

#if defined(__SANITIZE_ADDRESS__)
#define READS_ANYTHING __attribute__((no_sanitize_address))
constexpr bool kOwnPages = false;  // the sanitizer's heap is used instead
constexpr bool kLocks = false;
constexpr bool kSpills = false;
#elif defined(__SANITIZE_THREAD__)
// Freed blocks are read too, and the sanitizer's own memory, which has no shadow.
#define READS_ANYTHING __attribute__((no_sanitize_thread, noinline))
constexpr bool kOwnPages = true;
constexpr bool kLocks = false;  // its mlock does nothing and says that it did
constexpr bool kSpills = true;  // a call at each access: words in registers go to the stack
#else
#define READS_ANYTHING
constexpr bool kOwnPages = true;
constexpr bool kLocks = true;
constexpr bool kSpills = false;
#endif

namespace {

using pyfate::Integer;
using pyfate::PrivateContext;
using pyfate::PublicContext;
using pyfate::SecretWords;
using simd_test::Limbs;
using simd_test::require;

constexpr pyfate::Run kRun{2, nullptr, nullptr};

// Read-only constants, so that no writable page has them unless a context put them there.
constexpr std::uint64_t kP[8] = {0xf8c09d8a3c328293, 0xccc5611586f65bac, 0xe3484ff3f71dad80,
                                 0x812dee665dc1ab9c, 0xd74305e86ba0e870, 0x5b6135dbaec4959d,
                                 0x8f5941c57f507245, 0xc752495dc7fd41f5};
constexpr std::uint64_t kQ[8] = {0x68de9bda6d0be2d7, 0xa916ac1e2b88c0ef, 0xfa36e34391f51f53,
                                 0xce0a1fe21392cd70, 0xfc38c8ea3ee6358d, 0x676d155e97255cca,
                                 0xc6bf96be5e15d5e3, 0xf569eafa15074761};
constexpr std::uint64_t kMask = 0x5555555555555555;

/// Four words or limbs from the middle of p, disguised: they must not be found here.
using Pattern = std::vector<std::uint64_t>;

Pattern disguised(const SecretWords& words) {
  Pattern pattern(words.begin() + 2, words.begin() + 6);
  for (std::uint64_t& word : pattern) word ^= kMask;
  return pattern;
}

struct Region {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool writable;
  bool stack;
  bool dumped = true;
  bool locked = false;
};

/// The mappings of this process with what the system says about them.
std::vector<Region> regions() {
  std::vector<Region> found;
  std::ifstream lines("/proc/self/smaps");
  std::string line;
  bool guarded = false;  // a page without access lies below the stack of each thread
  while (std::getline(lines, line)) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, access) == 3) {
      const bool stack = guarded || line.find("[stack]") != std::string::npos;
      found.push_back({begin, end, std::strncmp(access, "rw", 2) == 0, stack});
      guarded = std::strncmp(access, "---", 3) == 0;
    } else if (line.rfind("VmFlags:", 0) == 0) {
      std::istringstream flags(line);
      for (std::string flag; flags >> flag;) {
        if (flag == "dd") found.back().dumped = false;
        if (flag == "lo") found.back().locked = true;
      }
    }
  }
  return found;
}

READS_ANYTHING std::size_t occurrences(const Region& region, const Pattern& pattern) {
  std::size_t count = 0;
  const auto* word = reinterpret_cast<const volatile std::uint64_t*>(region.begin);
  const auto* end = reinterpret_cast<const volatile std::uint64_t*>(region.end);
  for (; word + pattern.size() <= end; ++word) {
    std::size_t same = 0;
    while (same < pattern.size() && (word[same] ^ kMask) == pattern[same]) ++same;
    if (same == pattern.size()) ++count;
  }
  return count;
}

struct Copies {
  std::size_t all = 0;
  std::size_t dumped = 0;
  std::size_t unlocked = 0;
};

/// Copies in what the process can write. Shadow memory of sanitizers is far larger than 1 GiB.
Copies copies(const Pattern& pattern) {
  Copies result;
  for (const Region& region : regions()) {
    if (!region.writable || region.end - region.begin > std::size_t{1} << 30) continue;
    if (kSpills && region.stack) continue;
    const std::size_t count = occurrences(region, pattern);
    result.all += count;
    if (region.dumped) result.dumped += count;
    if (!region.locked) result.unlocked += count;
  }
  return result;
}

void use(PrivateContext& owner, const PublicContext& context) {
  const std::vector<std::int64_t> plain = {5, -7, 11};
  const pyfate::SignedView view{plain.data(), nullptr, 1};
  const std::size_t row = context.modulus().row_words();
  pyfate::Words rows(3 * row);
  pyfate::Words out(3 * row);
  context.encrypt_full(view, nullptr, 3, rows.data(), kRun);
  owner.decrypt(context, rows.data(), 3, out.data(), kRun);
  require(out[0] == 5 && out[row] == 11, "decrypts");
  owner.set_blinding_base(Integer(4), 64, Integer(9), 1 << 14, true, kRun);
  owner.encrypt(context, view, nullptr, 3, out.data(), kRun);
}

void check_private_key(const pyfate::InstructionSet& set) {
  const std::string name = std::string(set.name) + ": ";
  std::vector<Pattern> patterns;
  {
    const Integer p = Integer::from_words(kP, 8);
    SecretWords words(8);
    p.to_words(words.data(), 8);
    patterns.push_back(disguised(words));
    if (set.radix_bits > 32) {
      patterns.push_back(disguised(p.to_limbs(set.radix_bits, set.limbs_for(512))));
    }
  }
  const PublicContext context(Integer::from_words(kP, 8) * Integer::from_words(kQ, 8), set);
  for (const Pattern& pattern : patterns) {
    require(copies(pattern).all == 0, name + "nothing there yet");
  }
  {
    const Integer p = Integer::from_words(kP, 8);
    const Integer q = Integer::from_words(kQ, 8);
    PrivateContext owner(p, q, p - 1, q - 1, set);
    use(owner, context);
    for (const Pattern& pattern : patterns) {
      const Copies found = copies(pattern);
      require(found.all > 0, name + "the search finds the key in use");
      if (!kOwnPages) continue;
      require(found.dumped == 0, name + "a copy of p would be in a core dump");
      if (!kLocks) continue;
      require(found.unlocked == 0 || !pyfate::secrets_locked(), name + "a copy of p is not locked");
    }
  }
  for (const Pattern& pattern : patterns) {
    require(copies(pattern).all == 0, name + "p is still there after the key is gone");
  }
}

READS_ANYTHING bool all_zero(const volatile unsigned char* memory, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (memory[i] != 0) return false;
  }
  return true;
}

/// Small blocks share pages that stay, so what was given back can be read.
void check_overwritten() {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{40}, std::size_t{1000}}) {
    auto* memory = static_cast<unsigned char*>(pyfate::secure_allocate(bytes));
    require(reinterpret_cast<std::uintptr_t>(memory) % 64 == 0, "aligned to 64");
    std::memset(memory, 0xa5, bytes);
    pyfate::secure_release(memory, bytes);
    // The sanitizer writes a pattern of its own into what is freed.
    if (kOwnPages) require(all_zero(memory, bytes), "given back with its contents");
  }
}

/// In a child that may lock nothing: secrets work all the same, and the loss can be seen.
void check_locking_refused() {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit nothing{0, 0};
    bool ready = setrlimit(RLIMIT_MEMLOCK, &nothing) == 0;
    if (geteuid() == 0) ready = ready && setgid(65534) == 0 && setuid(65534) == 0;
    if (!ready) _exit(2);
    for (const std::size_t bytes : {std::size_t{100}, std::size_t{1} << 20}) {
      void* memory = pyfate::secure_allocate(bytes);
      std::memset(memory, 1, bytes);
      pyfate::secure_release(memory, bytes);
    }
    const pyfate::InstructionSet& set = pyfate::instruction_set("portable");
    const PublicContext context(Integer::from_words(kP, 8) * Integer::from_words(kQ, 8), set);
    const Integer p = Integer::from_words(kP, 8);
    const Integer q = Integer::from_words(kQ, 8);
    PrivateContext owner(p, q, p - 1, q - 1, set);
    use(owner, context);
    _exit(kLocks && pyfate::secrets_locked() ? 3 : 0);
  }
  int status = 0;
  require(waitpid(child, &status, 0) == child && WIFEXITED(status), "the child ends");
  require(WEXITSTATUS(status) == 0,
          "without locked memory: exit code " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace

int main() {
  check_overwritten();
  for (const pyfate::InstructionSet& set : pyfate::instruction_sets()) {
    if (set.missing() == nullptr) check_private_key(set);
  }
  check_locking_refused();
  std::puts(pyfate::secrets_locked() ? "ok" : "ok, but the system locks no more memory");
}
