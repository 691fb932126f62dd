// SET with GET: stores a value and answers the one before, as one step.
//
// Built from a read and a write on condition that the version is still the one read, tried again when
// another writer came between; the old value it answers is therefore the one that it replaced. While
// it waits for another node, the connection takes no further command.
#pragma once

#include "runtime/cache/command.hpp"

namespace troupe::resp {

class connection;

/// Writers that may come between before the client is told to try again.
inline constexpr int exchange_attempts_max = 64;

/// `put` holds SET's key, value, expiry and condition (none, if_absent or if_present).
void set_and_get(connection& c, const cache_command& put);

}  // namespace troupe::resp
