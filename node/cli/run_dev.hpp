// `troupe dev`: a whole cluster in one process on loopback, until Ctrl-C.
#pragma once

#include <cstddef>

namespace troupe::cli {

/// The exit code.
[[nodiscard]] int run_dev(std::size_t nodes);

}  // namespace troupe::cli
