// SPDX-License-Identifier: Apache-2.0
// Rows over threads.
#pragma once

#include <cstddef>
#include <exception>

namespace pyfate {

class ThreadPool;

/// Thrown out of a batched operation when the caller asked to stop.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// How to run a call: threads >= 1, and a question asked about every 50 ms on the calling thread,
/// whose answer true ends the call with Interrupted. `interrupted` may be null. The pool keeps its
/// threads from one loop over rows to the next; without one each loop starts its own.
struct Run {
  int threads;
  bool (*interrupted)(void* context);
  void* context;
  ThreadPool* pool = nullptr;
};

/// Handed to tasks that run longer than a chunk should: `check` throws once the call must stop.
class Checkpoint {
 public:
  struct Watch;

  explicit Checkpoint(Watch& watch) : watch_(watch) {}

  void check();

 private:
  Watch& watch_;
};

/// A body that outlives the call it is handed to. Not std::function, whose header every file here
/// would have to read.
class Chunk {
 public:
  template <class Body>
  Chunk(const Body& body)  // NOLINT: bodies convert
      : body_(&body), call_(&call<Body>) {}

  void operator()(std::size_t begin, std::size_t end, Checkpoint& checkpoint) const {
    call_(body_, begin, end, checkpoint);
  }

 private:
  template <class Body>
  static void call(const void* body, std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
    (*static_cast<const Body*>(body))(begin, end, checkpoint);
  }

  const void* body_;
  void (*call_)(const void* body, std::size_t begin, std::size_t end, Checkpoint& checkpoint);
};

/// Calls body for [0, count) in chunks of `chunk`, on run.threads threads including the caller.
/// The first exception of a thread ends the call and is thrown again here.
void parallel_chunks(std::size_t count, std::size_t chunk, const Run& run, const Chunk& body);

/// The same for a body that takes memory for each row: it gets a chunk 256 rows at a time, so that
/// this memory stays in a cache and off fresh pages. Chunks stay large: threads that write side by
/// side would each clear the same fresh pages of the result.
void parallel_blocks(std::size_t count, std::size_t chunk, const Run& run, const Chunk& body);

}  // namespace pyfate
