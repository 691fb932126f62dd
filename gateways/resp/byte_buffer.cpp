#include "gateways/resp/byte_buffer.hpp"

#include <algorithm>

namespace troupe::resp {

// Moves to the front when at least half the memory is free already, else to twice the memory.
void byte_buffer::make_room(std::size_t n) {
  const std::size_t held = size();
  if (held + n <= capacity_ && held <= capacity_ / 2) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, held);
  } else {
    const std::size_t wanted = std::max({capacity_min, capacity_ * 2, held + n});
    std::unique_ptr<char[]> larger(new char[wanted]);
    if (held != 0) std::memcpy(larger.get(), bytes_.get() + begin_, held);
    bytes_ = std::move(larger);
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = held;
}

}  // namespace troupe::resp
