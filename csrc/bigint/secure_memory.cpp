// SPDX-License-Identifier: Apache-2.0
#include "bigint/secure_memory.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory_resource>
#include <mutex>
#include <new>

// The address sanitizer sees overflows in memory of its own only.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PYFATE_HEAP_ONLY
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PYFATE_HEAP_ONLY
#endif

namespace pyfate {

namespace {

constexpr std::size_t kAlignment = 64;
/// Larger blocks have pages of their own, smaller ones share them.
constexpr std::size_t kLargestShared = 4096;
/// Blocks of this size and more ask for huge pages.
constexpr std::size_t kHugePage = std::size_t{1} << 21;

std::atomic<bool> refused{false};

/// Whole pages from the system.
class Pages : public std::pmr::memory_resource {
  static std::size_t whole(std::size_t bytes) {
    static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
  }
  void* do_allocate(std::size_t bytes, std::size_t) override {
    const std::size_t size = whole(bytes);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
#if defined(MADV_DONTDUMP)
    (void)madvise(memory, size, MADV_DONTDUMP);  // kernels without it dump these pages
#endif
#if defined(MADV_HUGEPAGE)
    // Before the pages are there: tables that are read at random outgrow what small pages reach.
    if (size >= kHugePage) (void)madvise(memory, size, MADV_HUGEPAGE);
#endif
    if (mlock(memory, size) != 0) refused = true;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
    (void)munmap(memory, whole(bytes));
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// Small blocks out of shared pages, which it keeps. Usable in a forked child, whatever the
/// parent's other threads were doing.
class Blocks {
 public:
  /// Never destroyed: static objects may hold secrets.
  static Blocks& instance() {
    static Blocks& blocks = *new Blocks;
    return blocks;
  }

  void* allocate(std::size_t bytes) {
    if (bytes > kLargestShared) return pages_.allocate(bytes, kAlignment);
    const std::lock_guard<std::mutex> lock(mutex_);
    return shared_.allocate(bytes, kAlignment);
  }
  void release(void* memory, std::size_t bytes) {
    if (bytes > kLargestShared) return pages_.deallocate(memory, bytes, kAlignment);
    const std::lock_guard<std::mutex> lock(mutex_);
    shared_.deallocate(memory, bytes, kAlignment);
  }

 private:
  Blocks() {
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] { instance().mutex_.unlock(); });
  }

  std::mutex mutex_;
  Pages pages_;
  std::pmr::unsynchronized_pool_resource shared_{{64, kLargestShared}, &pages_};
};

}  // namespace

void* secure_allocate(std::size_t bytes) {
#if defined(PYFATE_HEAP_ONLY)
  return ::operator new(bytes, std::align_val_t{kAlignment});
#else
  return Blocks::instance().allocate(std::max<std::size_t>(bytes, 1));
#endif
}

void secure_release(void* memory, std::size_t bytes) noexcept {
  secure_zero(memory, bytes);
#if defined(PYFATE_HEAP_ONLY)
  ::operator delete(memory, std::align_val_t{kAlignment});
#else
  Blocks::instance().release(memory, std::max<std::size_t>(bytes, 1));
#endif
}

bool secrets_locked() {
  return !refused;
}

}  // namespace pyfate
