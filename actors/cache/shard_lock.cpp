#include "actors/cache/shard_lock.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace troupe {

namespace {

void pause_briefly() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void shard_lock::lock_contended() noexcept {
  for (int spin = 0; spin < spins_max; ++spin) {
    if (state_.load(std::memory_order_relaxed) == open && try_lock()) return;
    pause_briefly();
  }
  // From here on the state says that somebody may sleep; it stays so for whoever gets the lock next.
  while (state_.exchange(held_and_awaited, std::memory_order_acquire) != open) {
    state_.wait(held_and_awaited, std::memory_order_relaxed);
  }
}

}  // namespace troupe
