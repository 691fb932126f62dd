// What few connections need, made when the first command asks for it: a library's name, a transaction, subscriptions. A
// connection that only gets and sets has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "gateways/resp/byte_buffer.hpp"
#include "gateways/resp/transaction_state.hpp"

namespace troupe::resp {

class blocked_command;

struct client_state {
  std::string library;
  std::string library_version;
  bool no_evict = false;
  bool no_touch = false;
  transaction_state transaction;
  byte_buffer unsaid;                // a reply that CLIENT REPLY keeps from the client
  byte_buffer pushes;                // messages that came while the reply of EXEC was written
  blocked_command* waits = nullptr;  // the one slot's, while it waits for elements

  // pub/sub
  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  std::set<std::string, std::less<>> shard_channels;

  [[nodiscard]] std::size_t subscriptions() const noexcept { return channels.size() + patterns.size(); }
  [[nodiscard]] bool listens() const noexcept { return subscriptions() + shard_channels.size() != 0; }
};

}  // namespace troupe::resp
